"""What the page about servers tells an operator to type, as far as a machine can read it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import clickhouse_connect
import pytest

from capture_agent.agent.checking import faults_on_this_machine
from capture_agent.settings.loading import load_settings

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "install-on-servers.md").read_text("utf-8")


def statements() -> list[str]:
    """Every SQL statement of the page."""
    blocks = "".join(re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL))
    without_comments = re.sub(r"--[^\n]*", "", blocks)
    found = [text.strip() for text in without_comments.split(";") if text.strip()]
    return found + re.findall(r"`(backup (?:table|database) [^`]*)`", PAGE)


def test_clickhouse_reads_every_statement(clickhouse_dsn: str) -> None:
    assert len(statements()) > 10
    with clickhouse_connect.get_client(dsn=clickhouse_dsn) as client:
        for statement in statements():
            assert client.query("select formatQuery({text:String})", parameters={"text": statement}).first_row


def test_page_names_every_unit() -> None:
    units = [path.stem for path in (ROOT / "packaging").glob("*/*.service")]
    assert units
    assert [name for name in units if name not in PAGE] == []


def test_packaged_settings_have_no_fault_but_for_what_the_package_brings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("JA4_CLICKHOUSE_URL", "JA4_SENSOR"):
        monkeypatch.delenv(name, raising=False)
    path = ROOT / "packaging" / "agent" / "agent.toml"
    settings = load_settings(path, {}, {})
    faults = {fault.key for fault in faults_on_this_machine(settings, str(path))}
    assert faults <= {"http[0].group", "sinks[0]", "clickhouse.url_file"}


def test_commented_settings_are_valid_as_well(tmp_path: Path) -> None:
    """The examples that an admin takes the # from."""
    text = (ROOT / "packaging" / "agent" / "agent.toml").read_text("utf-8")
    file = tmp_path / "agent.toml"
    file.write_text(re.sub(r"^#(?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE))
    assert len(tomllib.loads(file.read_text())["http"]) == 3
    assert load_settings(file, {}, {}).agent.sensor == "web-1"
