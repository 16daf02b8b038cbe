"""`ja4-agent check-config` as an operator runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture_agent.cli import main

AS_SEEN = ": client addresses are stored as they are seen"


@pytest.fixture(autouse=True)
def no_database_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JA4_CLICKHOUSE_URL", raising=False)


def checked(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    code = main(["check-config", str(path)])
    said = capsys.readouterr().err.replace(f"ja4-agent: {path}", "")
    return code, said.splitlines()


def test_file_without_fault_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'sinks = ["stdout"]\n[capture]\ninterfaces = ["lo"]\n'
    assert checked(tmp_path, text, capsys) == (0, [AS_SEEN, ": no fault"])


def test_every_fault_of_the_machine_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = """
[agent]
user = "nobody-at-all"
[[http]]
socket = "/run/x.sock"
group = "no-such-group"
[[http]]
file = "/var/log/x"
format = "iis"
"""
    code, said = checked(tmp_path, text, capsys)
    assert code == 2
    assert said[0] == ': agent.user = "nobody-at-all": there is no such user'
    assert said[1] == ': http[0].group = "no-such-group": there is no such group'
    assert said[2].startswith(': http[1].format = "iis": mapping iis: choose nginx')
    assert said[3].startswith(": clickhouse.url: is missing, and a sink needs it")
    assert len(said) == 4


@pytest.mark.parametrize(
    ("url", "reason"),
    [("db:8123", "must read http[s]://"), ("http://u:hunter2@db:8123", "names no database")],
)
def test_url_is_checked_and_its_password_not_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, reason: str
) -> None:
    (tmp_path / "url").write_text(f"{url}\n")
    for given in (f'url = "{url}"', f'url_file = "{tmp_path / "url"}"'):
        code, said = checked(tmp_path, f"[clickhouse]\n{given}\n", capsys)
        assert (code, len(said)) == (2, 1)
        assert reason in said[0]
        assert "hunter2" not in said[0]


def test_interface_that_may_come_later_is_no_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = checked(tmp_path, 'sinks = ["stdout"]\n[capture]\ninterfaces = ["wlan7"]\n', capsys)
    assert (code, len(said)) == (0, 3)
    assert "wlan7 is not there" in said[0]
