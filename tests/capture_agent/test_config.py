"""Settings: file, environment, command line, in that order; nothing misspelt is accepted silently."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from capture_agent.agent.composition import normal_form, pipeline_settings
from capture_agent.config import AgentConfig, ConfigError, load_config


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in AgentConfig.model_fields:
        monkeypatch.delenv(f"JA4_{name.upper()}", raising=False)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return path


def test_environment_beats_the_file_and_the_command_line_beats_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, 'sensor = "file"\njoin_wait_ms = 1\nidle_s = 2\n')
    monkeypatch.setenv("JA4_SENSOR", "environment")
    monkeypatch.setenv("JA4_JOIN_WAIT_MS", "3")
    config = load_config(path, {"sensor": "command line"})
    assert (config.sensor, config.join_wait_ms, config.idle_s) == ("command line", 3, 2)


def test_unknown_key_in_the_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"agent.toml: unknown key join_wait$"):
        load_config(written(tmp_path, "join_wait = 5\n"), {})


def test_unknown_variable_is_not_because_other_parts_share_the_prefix(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("JA4_HOME", "var")
    assert load_config(None, {}).sensor


def test_value_out_of_range_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JA4_BATCH_ROWS", "0")
    with pytest.raises(ConfigError, match=r"batch_rows \(or JA4_BATCH_ROWS\): .*greater than or equal to 1"):
        load_config(None, {})


@pytest.mark.parametrize("content", [b"sensor = ", b"\xff\xfe", b"sensor = 1\nsensor = 2\n"])
def test_file_that_is_no_toml_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "agent.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"agent\.toml: "):
        load_config(tmp_path / "agent.toml", {})


def test_lists_can_be_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JA4_TLS_PORTS", "443, 4443")
    monkeypatch.setenv("JA4_KEPT_HEADERS", "User-Agent,referer")
    form = normal_form(load_config(None, {}))
    assert form.tls_ports == {443, 4443}
    assert form.kept_headers == {"user-agent", "referer"}


@pytest.mark.parametrize("header", ["cookie", "authorization", "proxy-authorization", "x-api-key"])
def test_header_without_a_column_cannot_be_configured(header: str) -> None:
    with pytest.raises(ConfigError, match=f"{header}: no column"):
        load_config(None, {"kept_headers": header})


def test_password_does_not_appear_in_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JA4_CLICKHOUSE_URL", "http://ja4:secret@h:8123/d")
    assert "secret" not in repr(load_config(None, {}))


def test_waiting_and_bounds_reach_the_pipeline() -> None:
    config = load_config(None, {"join_wait_ms": 250, "idle_s": 60, "max_connections": 10})
    settings = pipeline_settings(config, run_id=5)
    assert settings.correlator.wait_us == 250_000
    assert settings.correlator.epochs.idle_us == 60_000_000
    assert (settings.flows.max_flows, settings.correlator.epochs.max_epochs) == (10, 20)
    assert settings.run_id == 5


def test_every_setting_is_documented_with_its_default(project_root: Path) -> None:
    text = (project_root / "docs" / "reference" / "agent-settings.md").read_text()
    documented = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert set(documented) == set(AgentConfig.model_fields)
    for name, field in AgentConfig.model_fields.items():
        if isinstance(field.default, bool):
            assert documented[name] == str(field.default).lower()
        elif isinstance(field.default, int | float):
            assert float(documented[name]) == field.default
