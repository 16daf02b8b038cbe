from __future__ import annotations

import stat
from pathlib import Path

import pytest

from operator_cli.main import main
from operator_cli.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("JA4_CLICKHOUSE_URL", raising=False)
    return Settings(home=tmp_path / "state")


def test_password_is_made_once_and_readable_by_the_owner_alone(settings: Settings) -> None:
    first = settings.database_password
    again = Settings(home=settings.home).database_password
    mode = stat.S_IMODE((settings.state_dir / "secrets" / "clickhouse_password").stat().st_mode)
    assert first == again
    assert len(first) >= 32
    assert mode == 0o600


def test_one_url_replaces_the_embedded_database(settings: Settings) -> None:
    url = "https://agent:secret@db.example:8443/ja4_processing"
    server = Settings(home=settings.home, clickhouse_url=url)
    assert server.environment()["JA4_CLICKHOUSE_URL"] == url
    assert [service.name for service in server.services] == ["mlflow", "dagster", "dashboard"]
    assert "JA4_CLICKHOUSE_PASSWORD" not in server.environment()


def test_sample_goes_into_the_embedded_database_only_unless_asked_for(settings: Settings) -> None:
    url = "http://agent@db.example:8123"
    assert settings.wants_sample
    assert not Settings(home=settings.home, clickhouse_url=url).wants_sample
    assert Settings(home=settings.home, clickhouse_url=url, sample=True).wants_sample


def test_live_capture_starts_the_agent_and_leaves_the_sample_out(settings: Settings) -> None:
    live = Settings(home=settings.home, live="eth0")
    assert [service.name for service in live.services][-1] == "agent"
    assert live.environment()["JA4_AGENT_CONFIG"] == str(live.agent_settings)
    assert not live.wants_sample
    assert "agent" not in [service.name for service in settings.services]


def test_environment_names_every_port_and_folder(settings: Settings) -> None:
    env = Settings(home=settings.home, dashboard_port=8001).environment()
    assert env["JA4_DASHBOARD_PORT"] == "8001"
    assert env["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert env["JA4_HOME"] == str(settings.state_dir)
    assert env["DAGSTER_HOME"] == str(settings.state_dir / "dagster")
    assert env["JA4_CLICKHOUSE_URL"].endswith("@127.0.0.1:8123/ja4_processing")


def test_dagster_home_points_at_the_instance_file_of_the_project(
    settings: Settings, project_root: Path
) -> None:
    settings.prepare_folders()
    settings.prepare_folders()
    link = settings.state_dir / "dagster" / "dagster.yaml"
    assert link.resolve() == project_root / "dagster.yaml"


def test_variable_without_a_usable_value_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JA4_DAGSTER_PORT", "70000")
    monkeypatch.setenv("JA4_MLFLOW_PORT", "five")
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert "JA4_DAGSTER_PORT=70000" in said
    assert "JA4_MLFLOW_PORT=five" in said


def test_empty_variable_is_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JA4_CLICKHOUSE_PORT", "")
    assert Settings.read().clickhouse_port == 8123
