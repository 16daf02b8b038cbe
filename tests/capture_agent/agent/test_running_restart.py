"""The agent is restarted while connections stay open: requests keep the hello that the first run saw."""

from __future__ import annotations

import http.client
import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.capture_agent.agent.conftest import AgentProcess, ReportingServer

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_network")]

Starter = Callable[..., Any]


def kept_alive(port: int) -> http.client.HTTPSConnection:
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    return http.client.HTTPSConnection("127.0.0.1", port, context=trusting, timeout=15)


def ask(client: http.client.HTTPSConnection, path: str) -> None:
    client.request("GET", path)
    client.getresponse().read()


def rows_of(agent: AgentProcess, paths: set[str]) -> dict[str, dict[str, Any]]:
    give_up_s = time.monotonic() + 15
    while True:
        rows = {row["path"]: row for row in agent.rows("raw_http_requests")}
        if paths <= rows.keys() or time.monotonic() > give_up_s:
            return rows
        time.sleep(0.05)


@pytest.mark.parametrize(("ended_by", "state"), [(signal.SIGTERM, "matched"), (signal.SIGKILL, "midstream")])
def test_open_connection_is_handed_over_by_an_agent_that_could_say_goodbye(
    tmp_path: Path, start_agent: Starter, start_server: Starter, ended_by: signal.Signals, state: str
) -> None:
    events = tmp_path / "events.sock"

    def start() -> AgentProcess:
        agent: AgentProcess = start_agent(
            "--interface", "lo", "--http-socket", str(events), env={"JA4_CAPTURE_PORTS": ""}
        )
        return agent

    first = start()
    server: ReportingServer = start_server(events)
    client = kept_alive(server.port)
    ask(client, "/before")
    before = rows_of(first, {"/before"})["/before"]
    first.stop(ended_by)
    second = start()
    server.report_to(events)
    ask(client, "/after")
    after = rows_of(second, {"/after"})["/after"]
    client.close()
    assert second.stop() == 0
    assert after["join_state"] == state
    same_connection = (after["conn_id"], after["ja4"]) == (before["conn_id"], before["ja4"])
    assert same_connection == (state == "matched")
    assert len(second.log("open connections taken over")) == (state == "matched")
    restored = sum(tick["epochs_restored"] for tick in second.rows("raw_agent_ticks"))
    assert restored == (state == "matched")
