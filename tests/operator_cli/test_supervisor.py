from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from operator_cli import supervisor
from operator_cli.main import main
from operator_cli.settings import Service, Settings
from operator_cli.supervisor import PlatformError, Supervisor, answers, refuse_taken_port

PROCFILE = """\
clickhouse: python -m http.server --bind 127.0.0.1 "$JA4_CLICKHOUSE_PORT"
mlflow: sleep 600
dagster: sleep 600
dashboard: sleep 600
"""


@pytest.fixture
def settings(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A platform whose Procfile holds a file server in place of the database, and sleepers."""
    (tmp_path / "Procfile").write_text(PROCFILE)
    (tmp_path / "ping").write_text("Ok.\n")
    monkeypatch.delenv("JA4_CLICKHOUSE_URL", raising=False)
    monkeypatch.setattr(supervisor, "ROOT", tmp_path)
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        for probe in (first, second, third):
            probe.bind(("127.0.0.1", 0))
        ports = [probe.getsockname()[1] for probe in (first, second, third)]
    chosen = Settings(
        home=tmp_path / "state",
        clickhouse_port=free_port,
        mlflow_port=ports[0],
        dagster_port=ports[1],
        dashboard_port=ports[2],
    )
    chosen.prepare_folders()
    return chosen


@pytest.fixture
def running(settings: Settings) -> Iterator[Supervisor]:
    manager = Supervisor(settings)
    manager.start()
    yield manager
    manager.stop()


def test_start_makes_processes_that_stop_ends_all_of(running: Supervisor, settings: Settings) -> None:
    database = settings.services[0]
    running.wait_until_ready(database, deadline_s=30)
    process = running.maybe_running()
    assert process is not None
    family = process.children(recursive=True)
    assert len(family) >= 4
    assert running.stop()
    assert running.maybe_running() is None
    assert not any(child.is_running() for child in family)
    assert not answers(database)


def test_stop_without_a_start_says_that_nothing_ran(settings: Settings) -> None:
    assert Supervisor(settings).stop() is False


def test_a_reused_pid_is_not_taken_for_the_platform(settings: Settings) -> None:
    state = settings.state_dir / "run" / "platform.json"
    state.write_text(json.dumps({"pid": os.getpid(), "create_time": 1.0}))
    assert Supervisor(settings).maybe_running() is None
    assert Supervisor(settings).stop() is False
    assert psutil.pid_exists(os.getpid())


def test_taken_port_is_named_with_its_setting() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PlatformError, match=f"port {port} .dashboard. .*JA4_DASHBOARD_PORT"):
            refuse_taken_port(Service("dashboard", port, "JA4_DASHBOARD_PORT", "/"))


def test_up_with_a_taken_port_prints_one_sentence_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JA4_HOME", str(tmp_path / "state"))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        monkeypatch.setenv("JA4_CLICKHOUSE_PORT", str(port))
        code = main(["up"])
    assert code == 1
    assert f"port {port}" in capsys.readouterr().err
    assert not (tmp_path / "state" / "run" / "platform.json").exists()


def test_a_process_that_dies_at_start_is_reported_with_the_end_of_the_log(
    settings: Settings, tmp_path: Path
) -> None:
    broken = PROCFILE.replace("mlflow: sleep 600", "mlflow: echo no such option >&2; exit 3")
    (tmp_path / "Procfile").write_text(broken.replace("python -m http.server", "sleep 600 #"))
    manager = Supervisor(settings)
    manager.start()
    with pytest.raises(PlatformError, match="no such option"):
        manager.wait_until_ready(settings.services[0], deadline_s=30)
    manager.stop()
