"""What `make up LIVE=...` asks of a machine, and the settings it writes for the agent."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from capture_agent.settings.loading import load_settings
from operator_cli import live_capture
from operator_cli.main import main
from operator_cli.settings import Settings
from operator_cli.supervisor import PlatformError


def test_unknown_interface_is_refused_with_those_there_are() -> None:
    with pytest.raises(PlatformError, match=r"LIVE=eth77: no such interface; there are .*lo"):
        live_capture.refuse_what_cannot_capture("eth77")


def test_without_the_capability_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tja4\nCapEff:\t0000000000000400\n")
    monkeypatch.setattr(live_capture, "OWN_STATUS", status)
    monkeypatch.setenv("JA4_LIVE", "lo")
    monkeypatch.setenv("JA4_HOME", str(tmp_path / "home"))
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert "takes root, or the capability CAP_NET_RAW" in said
    assert "sudo make up LIVE=lo" in said
    assert not (tmp_path / "home").exists()
    status.write_text("CapEff:\t0000000000002000\n")
    live_capture.refuse_what_cannot_capture("lo")


def test_agent_gets_settings_that_it_accepts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_capture, "maybe_web_server_group", lambda: "www-data")
    settings = Settings(home=tmp_path / 'a "quoted" home', live="eth0", metrics_port=9999)
    settings.prepare_folders()
    read = load_settings(live_capture.write_agent_settings(settings, "eth0"), {}, {})
    assert read.capture.interfaces == ("eth0",)
    assert read.metrics.port == 9999
    assert read.agent.state_dir == settings.state_dir / "agent"
    assert [(one.socket, one.group) for one in read.http] == [(settings.requests_socket, "www-data")]
    for folder in (settings.requests_socket.parent, settings.requests_socket.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) & 0o011 == 0o011
