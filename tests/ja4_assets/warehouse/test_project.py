"""dbt is given the platform's one URL, and its manifest is made when it is missing or old."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ja4_assets.warehouse import project
from ja4_assets.warehouse.project import DbtParseError, dbt_environment, is_stale, prepared_project

URL = "http://ja4:pw@127.0.0.1:8123/ja4_processing"


def test_every_part_of_the_url_reaches_dbt_decoded() -> None:
    environment = dbt_environment("https://an%40alyst:p%2Fw%3A1@ch.example.test:8443/ja4_processing")
    assert environment["JA4_CLICKHOUSE_HOST"] == "ch.example.test"
    assert environment["JA4_CLICKHOUSE_PORT"] == "8443"
    assert environment["JA4_CLICKHOUSE_USER"] == "an@alyst"
    assert environment["JA4_CLICKHOUSE_PASSWORD"] == "p/w:1"
    assert environment["JA4_CLICKHOUSE_SECURE"] == "true"
    assert environment["JA4_CLICKHOUSE_DATABASE"] == "ja4_processing"


def test_a_url_without_a_database_is_refused_without_showing_the_password() -> None:
    with pytest.raises(ValueError, match="database") as refusal:
        dbt_environment("http://ja4:secret@127.0.0.1:8123")
    assert "secret" not in str(refusal.value)


def test_the_profile_reads_exactly_these_variables(project_root: Path) -> None:
    profile = (project_root / "dbt_clickhouse" / "profiles.yml").read_text()
    assert all(name in profile for name in dbt_environment(URL) if name.startswith("JA4_"))


def test_a_manifest_is_stale_when_missing_or_older_than_a_model(tmp_path: Path) -> None:
    manifest, model = tmp_path / "target" / "manifest.json", tmp_path / "models" / "one.sql"
    model.parent.mkdir()
    model.write_text("select 1")
    assert is_stale(manifest, tmp_path)
    manifest.parent.mkdir()
    manifest.write_text("{}")
    os.utime(model, (1, 1))
    assert not is_stale(manifest, tmp_path)
    os.utime(model, (2**32, 2**32))
    assert is_stale(manifest, tmp_path)


def test_it_parses_once_and_again_only_for_another_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: one\nprofile: one\n")
    calls: list[str] = []

    def parse(folder: Path, url: str) -> None:
        calls.append(url)
        (folder / "target" / "manifest.json").write_text("{}")

    monkeypatch.setattr(project, "_parse", parse)
    other = URL.replace("8123", "9123")
    for url in (URL, URL, other, other):
        prepared_project(url, tmp_path)
    assert calls == [URL, other]


def test_what_dbt_says_is_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text("name: one\nprofile: nowhere\n")
    with pytest.raises(DbtParseError, match="profile"):
        prepared_project(URL, tmp_path)
