"""`ja4-agent status` against the pages of an agent."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from capture_agent.cli import main
from capture_agent.health import Expected
from capture_agent.metrics import AgentState, CaptureState
from capture_agent.metrics_server import MetricsServer
from capture_agent.ports import DiscardReason, RowCounts, SpoolDepth
from capture_agent.rows.ledger import Ledger
from capture_agent.sink_metrics import SinkState


def state_of(*, is_up: bool) -> AgentState:
    totals = dict.fromkeys(Ledger("s", 1).totals(), 0)
    totals |= {"frames_seen": 12_345, "hellos_complete": 40, "hellos_reassembled": 2, "http_events_seen": 100}
    totals |= {"requests_matched": 90, "requests_no_hello": 10, "frames_dropped_kernel": 0 if is_up else 7}
    counts = RowCounts(inserted=1_000, discards=Counter({DiscardReason.SPOOL_FULL: 0 if is_up else 3}))
    return AgentState(
        at_s=time.monotonic(),
        totals=totals,
        requests_waiting=4,
        lag_s=0.05,
        inbox=0,
        clock_skew_us=None,
        captures={"eth0": CaptureState(is_up, 0.25, 0 if is_up else 7)},
        sinks={"clickhouse": SinkState(queued=12, counts=counts, spool=SpoolDepth(2, 300, 1 << 20))},
        labels={"sensor": "web-1\x1b[2J", "site": "berlin", "client_addresses": "as pseudonyms"},
    )


@pytest.fixture(params=[True, False], ids=["well", "failing"])
def answering(request: pytest.FixtureRequest) -> Iterator[tuple[int, bool]]:
    """Port of an agent, and whether it is well."""
    expected = Expected(queue_rows=1_000, spool_bytes=1 << 30)
    state = state_of(is_up=request.param)
    server = MetricsServer("127.0.0.1", 0, lambda: state, time.monotonic, expected)
    yield server.port, request.param
    server.close()


def test_table_tells_what_the_agent_tells(
    answering: tuple[int, bool], capsys: pytest.CaptureFixture[str]
) -> None:
    port, is_well = answering
    code = main(["status", "--metrics-port", str(port)])
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert code == (0 if is_well else 1)
    assert "\x1b" not in said
    assert lines[0] == (
        f"web-1?[2J at berlin (http://127.0.0.1:{port}): {'ready' if is_well else 'NOT READY'}"
    )
    assert ("  - interface eth0 is not captured" in lines) == (not is_well)
    rows = [line.split() for line in lines]
    assert ["eth0", "captured" if is_well else "DOWN", "25%", "0" if is_well else "7"] in rows
    sink = ["clickhouse", "up", "1,000", "rows", "12", "300", "1.0", "MiB", "0" if is_well else "3"]
    assert sink in rows
    assert "seen      12,345 frames, 42 hellos" in lines
    assert "requests  100, 90.0% of those over TLS matched" in lines
    assert "privacy   client addresses are stored as pseudonyms" in lines
    assert ("lost      nothing" in lines) == is_well
    assert ("lost      frames_dropped_kernel 7" in lines) == (not is_well)


def test_no_agent_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    assert main(["status", "--metrics-port", str(port)]) == 2
    said = capsys.readouterr().err
    assert said == f"ja4-agent: no agent answers at http://127.0.0.1:{port}: Connection refused\n"


def test_something_else_that_answers_is_no_agent(capsys: pytest.CaptureFixture[str]) -> None:
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        assert main(["status", "--metrics-port", str(server.server_port)]) == 2
        server.shutdown()
    assert "no agent answers" in capsys.readouterr().err
