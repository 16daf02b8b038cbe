"""Metrics and health as a scraper sees them."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from capture_agent.events import LEVELS, AgentTick
from capture_agent.metrics import AgentCollector, AgentState, CaptureState, MetricsServer, health_problems
from capture_agent.rows.ledger import Ledger
from capture_agent.sink_metrics import SinkState

NO_COUNTERS = {"sensor", "site", "ts", "run_id", *LEVELS}


def state_of(*, at_s: float = 100.0, is_up: bool = True) -> AgentState:
    return AgentState(
        at_s=at_s,
        totals=dict.fromkeys(Ledger("s", 1).totals(), 3),
        requests_waiting=5,
        lag_s=0.25,
        inbox=7,
        clock_skew_us=500_000,
        captures={"eth0": CaptureState(is_up, 0.5, 11)},
        sinks={"clickhouse": SinkState(queued=13)},
    )


class Agent:
    """What the server asks for the state."""

    state: AgentState | None = None
    now_s = 101.0

    def latest(self) -> AgentState | None:
        return self.state

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def agent() -> Agent:
    return Agent()


@pytest.fixture
def address(agent: Agent) -> Iterator[str]:
    server = MetricsServer("127.0.0.1", 0, agent.latest, agent.monotonic)
    yield f"http://127.0.0.1:{server.port}"
    server.close()


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_every_counter_of_the_ledger_is_a_metric(agent: Agent, address: str) -> None:
    agent.state = state_of()
    families = text_string_to_metric_families(get(f"{address}/metrics")[1])
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    columns = set(AgentTick.__struct_fields__) - NO_COUNTERS
    assert {name: samples[f"ja4_agent_{name}_total"] for name in columns} == dict.fromkeys(columns, 3)


def test_levels_carry_their_interface_or_sink(agent: Agent, address: str) -> None:
    agent.state = state_of()
    lines = get(f"{address}/metrics")[1].splitlines()
    for line in (
        "ja4_agent_requests_waiting 5.0",
        "ja4_agent_lag_seconds 0.25",
        "ja4_agent_inbox_depth 7.0",
        "ja4_agent_clock_skew_seconds 0.5",
        'ja4_agent_sink_queue_rows{sink="clickhouse"} 13.0',
        'ja4_agent_capture_up{interface="eth0"} 1.0',
        'ja4_agent_ring_fill_ratio{interface="eth0"} 0.5',
        'ja4_agent_capture_drops_total{interface="eth0"} 11.0',
    ):
        assert line in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def test_health_follows_the_state(agent: Agent, address: str) -> None:
    expected: list[tuple[AgentState | None, int, list[str]]] = [
        (None, 503, ["starting"]),
        (state_of(), 200, []),
        (state_of(is_up=False), 503, ["interface eth0 is not captured"]),
        (state_of(at_s=50), 503, ["no progress for 51 s"]),
    ]
    for state, status, problems in expected:
        agent.state = state
        assert health_problems(state, agent.now_s) == problems
        code, body = get(f"{address}/healthz")
        assert (code, json.loads(body)["problems"]) == (status, problems)


def test_other_paths_are_refused(address: str) -> None:
    assert get(f"{address}/")[0] == 404
    assert get(f"{address}/../etc/passwd")[0] == 404


def test_every_metric_is_documented(project_root: Path) -> None:
    text = (project_root / "docs" / "how-to" / "capture-live.md").read_text()
    documented = set(re.findall(r"^\| `ja4_agent_(\w+)", text, re.MULTILINE))
    counters = set(Ledger("s", 1).totals())
    families = {family.name for family in AgentCollector(state_of).collect()}
    others = {name.removeprefix("ja4_agent_") for name in families} - counters
    assert {name.removesuffix("_total") for name in documented} == others
    assert "ja4_agent_<column>_total" in text
