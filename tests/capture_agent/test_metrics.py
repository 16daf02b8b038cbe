"""Metrics and health as a scraper sees them."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from capture_agent.events import LEVELS, AgentTick
from capture_agent.health import Expected, reasons_not_alive, reasons_not_ready
from capture_agent.metrics import AgentCollector, AgentState, CaptureState
from capture_agent.metrics_server import MetricsServer
from capture_agent.ports import SpoolDepth
from capture_agent.rows.ledger import Ledger
from capture_agent.sink_metrics import SinkState

NO_COUNTERS = {"sensor", "site", "ts", "run_id", *LEVELS}


EXPECTED = Expected(queue_rows=1_000, spool_bytes=10_000)


def state_of(
    *, at_s: float = 100.0, is_up: bool = True, is_read: bool = True, sink: SinkState | None = None
) -> AgentState:
    return AgentState(
        at_s=at_s,
        totals=dict.fromkeys(Ledger("s", 1).totals(), 3),
        requests_waiting=5,
        lag_s=0.25,
        inbox=7,
        clock_skew_us=500_000,
        captures={"eth0": CaptureState(is_up, 0.5, 11)},
        sinks={"clickhouse": sink or SinkState(queued=13)},
        sources={"http": is_read},
        labels={"sensor": "web-1", "site": "berlin"},
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
    server = MetricsServer("127.0.0.1", 0, agent.latest, agent.monotonic, EXPECTED)
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
        'ja4_agent_source_up{source="http"} 1.0',
        'ja4_agent_sensor_info{sensor="web-1",site="berlin"} 1.0',
        'ja4_agent_sink_queue_rows{sink="clickhouse"} 13.0',
        'ja4_agent_capture_up{interface="eth0"} 1.0',
        'ja4_agent_ring_fill_ratio{interface="eth0"} 0.5',
        'ja4_agent_capture_drops_total{interface="eth0"} 11.0',
    ):
        assert line in lines
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


@pytest.mark.parametrize(
    ("state", "not_alive", "not_ready"),
    [
        (None, [], ["starting"]),
        (state_of(), [], []),
        (state_of(is_up=False), [], ["interface eth0 is not captured"]),
        (state_of(at_s=50), ["no progress for 51 s"], ["no progress for 51 s"]),
        (state_of(is_read=False), [], ["requests of http are not read"]),
        (state_of(sink=SinkState(is_up=False)), [], ["sink clickhouse cannot be used"]),
        (state_of(sink=SinkState(queued=900)), [], ["sink clickhouse: 900 rows wait, of at most 1000"]),
        (state_of(sink=SinkState(spool=SpoolDepth(5, 50, 8_999))), [], []),
        (
            state_of(sink=SinkState(spool=SpoolDepth(5, 50, 9_000))),
            [],
            ["sink clickhouse: the spool holds 9000 bytes, of at most 10000"],
        ),
    ],
)
def test_health_and_readiness_follow_the_state(
    agent: Agent, address: str, state: AgentState | None, not_alive: list[str], not_ready: list[str]
) -> None:
    agent.state = state
    assert reasons_not_alive(state, agent.now_s) == not_alive
    assert reasons_not_ready(state, agent.now_s, EXPECTED) == not_ready
    for page, reasons in (("healthz", not_alive), ("readyz", not_ready)):
        code, body = get(f"{address}/{page}")
        assert code == (503 if reasons else 200)
        assert json.loads(body) == {"status": "failing" if reasons else "ok", "reasons": reasons}


def test_socket_that_somebody_removed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "requests.sock"
    expected = Expected(1_000, 0, [path])
    assert reasons_not_ready(state_of(), 101.0, expected) == [f"{path}: the socket is gone"]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        assert reasons_not_ready(state_of(), 101.0, expected) == []


def test_other_paths_are_refused(address: str) -> None:
    assert get(f"{address}/")[0] == 404
    assert get(f"{address}/../etc/passwd")[0] == 404


def test_every_metric_is_documented(project_root: Path) -> None:
    text = (project_root / "docs" / "how-to" / "capture-live.md").read_text()
    documented = set(re.findall(r"^\| `ja4_agent_(\w+)", text, re.MULTILINE))
    counters = set(Ledger("s", 1).totals())
    families = {family.name for family in AgentCollector(state_of).collect()}
    others = {name.removeprefix("ja4_agent_") for name in families} - counters
    assert {re.sub("_(total|info)$", "", name) for name in documented} == others
    assert "ja4_agent_<column>_total" in text
