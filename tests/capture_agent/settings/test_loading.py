"""Settings: file, environment, command line, in that order; nothing misspelt is accepted silently."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest

from capture_agent.agent.composition import normal_form, pipeline_settings
from capture_agent.rows.client_names import AS_SEEN
from capture_agent.settings.fields import Section
from capture_agent.settings.loading import UnusableSettings, load_settings
from capture_agent.settings.whole import Settings


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_environment_beats_the_file_and_the_command_line_beats_both(tmp_path: Path) -> None:
    path = written(tmp_path, '[agent]\nsensor = "file"\n[join]\nwait_ms = 1\nidle_s = 2\n')
    environment = {"JA4_AGENT_SENSOR": "environment", "JA4_JOIN_WAIT_MS": "3"}
    settings = load_settings(path, {"agent.sensor": "command line"}, environment)
    assert (settings.agent.sensor, settings.join.wait_ms, settings.join.idle_s) == ("command line", 3, 2)


def test_unknown_variable_is_no_fault_because_other_parts_share_the_prefix() -> None:
    environment = {"JA4_HOME": "var", "JA4_CLICKHOUSE_PORT": "8123", "JA4_AGENT_CONFIG": "/etc/agent.toml"}
    assert load_settings(None, {}, environment) == Settings()


def test_fault_of_a_variable_or_option_names_it() -> None:
    with pytest.raises(UnusableSettings) as refused:
        load_settings(None, {"metrics.port": 70_000}, {"JA4_DELIVERY_BATCH_ROWS": "0"})
    by_place = {fault.place: fault.key for fault in refused.value.faults}
    assert by_place == {"JA4_DELIVERY_BATCH_ROWS": "delivery.batch_rows", "command line": "metrics.port"}


@pytest.mark.parametrize(
    "content", [b"sensor = ", b"\xff\xfe", b"sensor = 1\nsensor = 2\n", b"#" * (2 << 20)]
)
def test_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "agent.toml").write_bytes(content)
    with pytest.raises(UnusableSettings, match=r"agent\.toml:"):
        load_settings(tmp_path / "agent.toml", {})


def test_lists_can_be_written_with_commas() -> None:
    environment = {
        "JA4_REQUESTS_TLS_PORTS": "443, 4443",
        "JA4_REQUESTS_KEPT_HEADERS": "User-Agent,referer",
        "JA4_CAPTURE_PORTS": "",
    }
    settings = load_settings(None, {}, environment)
    form = normal_form(settings)
    assert form.tls_ports == {443, 4443}
    assert form.kept_headers == {"user-agent", "referer"}
    assert settings.captured_ports == frozenset()


@pytest.mark.parametrize("header", ["cookie", "authorization", "proxy-authorization", "x-api-key"])
def test_header_without_a_column_cannot_be_kept(header: str) -> None:
    with pytest.raises(UnusableSettings, match=f"no column for {header}"):
        load_settings(None, {"requests.kept_headers": header})


def test_password_does_not_appear_in_text() -> None:
    assert "hunter2" not in repr(
        load_settings(None, {}, {"JA4_CLICKHOUSE_URL": "http://ja4:hunter2@h:8123/d"})
    )


def test_url_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("http://ja4:secret@h:8123/d\n")
    settings = load_settings(None, {"clickhouse.url_file": tmp_path / "url"}, {})
    assert settings.clickhouse.maybe_url() == "http://ja4:secret@h:8123/d"


def test_environment_beats_the_file_also_where_it_names_the_other_key_for_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, '[clickhouse]\nurl_file = "/etc/ja4-agent/clickhouse-url"\n')
    settings = load_settings(path, {}, {"JA4_CLICKHOUSE_URL": "http://h:8123/d"})
    assert settings.clickhouse.maybe_url() == "http://h:8123/d"


def test_waiting_and_bounds_reach_the_pipeline() -> None:
    given = {"join.wait_ms": 250, "join.idle_s": 60, "join.max_connections": 10}
    settings = pipeline_settings(load_settings(None, given), 5, AS_SEEN, has_requests=False)
    assert settings.correlator.wait_us == 250_000
    assert settings.correlator.epochs.idle_us == 60_000_000
    assert (settings.flows.max_flows, settings.correlator.epochs.max_epochs) == (10, 20)
    assert settings.run_id == 5


def sections(kind: type[Section], title: str) -> Iterator[tuple[str, type[Section]]]:
    """Each section with the name of its heading in the reference."""
    for name, field in kind.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield f"{title}{name}", field.annotation
            yield from sections(field.annotation, f"{title}{name}.")
        for item in get_args(field.annotation)[:1]:
            if isinstance(item, type) and issubclass(item, Section):
                yield f"{title}{name}", item


def test_every_setting_is_documented_in_its_section_with_its_default(project_root: Path) -> None:
    text = (project_root / "docs" / "reference" / "agent-settings.md").read_text()
    described: dict[str, dict[str, str]] = {}
    for part in re.split(r"^#+ ", text.partition("\n## Commands")[0], flags=re.MULTILINE):
        rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", part, re.MULTILINE))
        for title in re.findall(r"`\[+([\w.]+)\]+`", part.partition("\n")[0]):
            described[title] = rows
    kinds = dict(sections(Settings, ""))
    assert set(described) == set(kinds)
    for title, kind in kinds.items():
        assert set(described[title]) == set(kind.model_fields), title
        for name, field in kind.model_fields.items():
            said = described[title][name]
            if isinstance(field.default, bool | StrEnum):
                assert said == str(field.default).lower(), name
            elif isinstance(field.default, int | float):
                assert float(int(said, 0) if said.startswith("0o") else said) == field.default, name
            elif field.default is None:
                assert said == "none" or said.startswith("as `"), name
