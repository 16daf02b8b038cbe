"""The agent as an operator runs it, on real packets of real clients."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.capture_agent.agent.conftest import AgentProcess, ReportingServer

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_network")]

Starter = Callable[..., Any]
CLIENT_DEADLINE_S = 15


def curl(port: int, *arguments: str, path: str = "/") -> None:
    urls = [f"https://127.0.0.1:{port}{path}"]
    command = ["curl", "-sk", "--http1.1", "-o", "/dev/null", *arguments, *urls]
    subprocess.run(command, check=True, timeout=CLIENT_DEADLINE_S)


def openssl_client(port: int, *arguments: str) -> None:
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *arguments]
    subprocess.run(command, input=b"Q\n", check=True, capture_output=True, timeout=CLIENT_DEADLINE_S)


def wait_for(agent: AgentProcess, table: str, count: int) -> list[dict[str, Any]]:
    """Rows of a table as soon as there are so many."""
    give_up_s = time.monotonic() + CLIENT_DEADLINE_S
    while len(rows := agent.rows(table)) < count:
        assert time.monotonic() < give_up_s, f"{len(rows)} rows of {table} and not {count}"
        time.sleep(0.05)
    return rows


def test_requests_of_real_clients_are_matched_with_their_hello(
    tmp_path: Path, start_agent: Starter, start_server: Starter
) -> None:
    events = tmp_path / "events.sock"
    agent: AgentProcess = start_agent(
        "--interface", "lo", "--http-socket", str(events), env={"JA4_CAPTURE_PORTS": ""}
    )
    server: ReportingServer = start_server(events)
    url = f"https://127.0.0.1:{server.port}/kept-alive"
    curl(server.port, "-A", "first client", "--tlsv1.3")
    curl(server.port, url, url, "-A", "keep-alive", path="/kept-alive")
    curl(server.port, "-A", "older client", "--tls-max", "1.2")
    openssl_client(server.port, "-servername", "shop.test", "-alpn", "h2")
    requests = wait_for(agent, "raw_http_requests", 5)
    hellos = wait_for(agent, "raw_tls_hellos", 4)
    assert agent.stop() == 0

    assert {row["join_state"] for row in requests} == {"matched"}
    by_agent = Counter(row["user_agent"] for row in requests)
    assert by_agent == {"first client": 1, "keep-alive": 3, "older client": 1}
    conn_ids = {row["conn_id"] for row in requests if row["user_agent"] == "keep-alive"}
    assert len(conn_ids) == 1
    of_connection = {row["conn_id"]: row for row in hellos}
    assert len(of_connection) == 4
    for row in requests:
        hello = of_connection[row["conn_id"]]
        assert (row["ja4"], row["src_port"]) == (hello["ja4"], hello["src_port"])
        assert hello["syn_to_hello_us"] > 0
        assert hello["tcp_ttl"] == 64
    versions = {row["user_agent"]: row["tls_version"] for row in requests}
    assert versions["first client"] == 0x0304
    assert versions["older client"] == 0x0303
    [unused] = [row for row in hellos if row["sni"] == "shop.test"]
    assert unused["alpn"] == ["h2"]
    assert unused["ja4"].startswith("t13d")
    tick = agent.rows("raw_agent_ticks")[-1]
    ticks = agent.rows("raw_agent_ticks")
    assert sum(row["requests_matched"] for row in ticks) == 5
    assert sum(row["http_events_seen"] for row in ticks) == 5
    assert sum(row["hellos_complete"] + row["hellos_reassembled"] for row in ticks) == 4
    assert sum(row["frames_dropped_kernel"] for row in ticks) == 0
    assert tick["sensor"] == "live"


def test_followed_file_is_read_once_across_a_restart(tmp_path: Path, start_agent: Starter) -> None:
    events, config = tmp_path / "access.jsonl", tmp_path / "agent.toml"
    config.write_text(f'[agent]\nstate_dir = "{tmp_path}"\n[[http]]\nfile = "{events}"\nfrom_start = true\n')
    event = {"src_ip": "192.0.2.1", "src_port": 4000, "dst_ip": "192.0.2.2", "dst_port": 443, "method": "GET"}
    event |= {"proto": "HTTP/1.1", "status": 200, "headers": [], "conn_start_us": 1, "unparsed_uri": "/"}

    def log(first: int, last: int) -> None:
        with events.open("a") as file:
            for number in range(first, last):
                file.write(json.dumps({**event, "t_us": time.time_ns() // 1_000, "conn_req": number}) + "\n")

    for first, last in ((0, 30), (30, 70), (70, 100)):
        log(first, last - 5)
        agent: AgentProcess = start_agent("--interface", "lo", "--config", str(config))
        log(last - 5, last)
        wait_for(agent, "raw_http_requests", last)
        assert agent.stop() == 0
    numbers = [row["request_seq_on_conn"] for row in agent.rows("raw_http_requests")]
    assert sorted(numbers) == list(range(100))


def test_hello_is_as_long_as_the_client_says_it_sent(
    tmp_path: Path, start_agent: Starter, start_server: Starter
) -> None:
    """openssl writes the messages it sends to a file."""
    agent: AgentProcess = start_agent("--interface", "lo", env={"JA4_CAPTURE_PORTS": ""})
    server: ReportingServer = start_server()
    messages = tmp_path / "messages.txt"
    openssl_client(server.port, "-msg", "-msgfile", str(messages))
    [hello] = wait_for(agent, "raw_tls_hellos", 1)
    assert agent.stop() == 0
    dump = messages.read_text().partition("ClientHello\n")[2].splitlines()
    octets = bytes.fromhex("".join(takewhile(lambda line: line.startswith("    "), dump)))
    assert octets[0] == 1
    assert hello["hello_len"] == len(octets)


def test_other_ports_are_not_captured(start_agent: Starter, start_server: Starter) -> None:
    watched, other = start_server(), start_server()
    agent: AgentProcess = start_agent("--interface", "lo", "--tls-ports", str(watched.port))
    for _ in range(3):
        curl(other.port)
    curl(watched.port)
    wait_for(agent, "raw_tls_hellos", 1)
    assert agent.stop() == 0
    assert [row["dst_port"] for row in agent.rows("raw_tls_hellos")] == [watched.port]
    [started] = agent.log("capturing")
    assert started["method"] == "ring"
    assert watched.port in started["ports"]
    assert other.port not in started["ports"]
    assert started["offloads"]["gro"] in (True, False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_came_before_the_signal_is_delivered(
    start_agent: Starter, start_server: Starter, number: signal.Signals
) -> None:
    server: ReportingServer = start_server()
    agent: AgentProcess = start_agent(
        "--interface", "lo", "--tls-ports", str(server.port), env={"JA4_DELIVERY_BATCH_AGE_S": "3600"}
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(40):
        with (
            socket.create_connection(("127.0.0.1", server.port)) as connection,
            context.wrap_socket(connection),
        ):
            pass
    assert agent.stop(number) == 0
    assert len(agent.rows("raw_tls_hellos")) == 40
    [stopped] = agent.log("stopped")
    assert stopped["hellos_complete"] + stopped.get("hellos_reassembled", 0) == 40
    assert stopped["rows_inserted"] == 40 + len(agent.rows("raw_agent_ticks"))


def test_tagged_hello_is_read(start_agent: Starter, hello_stream: Callable[[str], bytes], build: Any) -> None:
    subprocess.run(["ip", "link", "add", "left", "type", "veth", "peer", "name", "right"], check=True)
    for end in ("left", "right"):
        subprocess.run(["ip", "link", "set", end, "up"], check=True)
    agent: AgentProcess = start_agent("--interface", "right", "--interface", "lo")
    stream = hello_stream("curl-h2")
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("left", 0))
        for sport, tags in ((1001, b"\x81\0\0\x0a"), (1002, b"\x88\xa8\0\x14\x81\0\0\x0a")):
            segments = [
                build.tcp(sport=sport, seq=999, flags=2, options=build.syn_options),
                build.tcp(stream, sport=sport, seq=1000, ack=1),
            ]
            for segment in segments:
                frame = build.ethernet_for(build.ipv4(segment))
                sender.send(frame[:12] + tags + frame[12:])
    hellos = wait_for(agent, "raw_tls_hellos", 2)
    assert agent.stop() == 0
    assert sorted(row["src_port"] for row in hellos) == [1001, 1002]
    assert {row["src_ip"] for row in hellos} == {build.client}


def test_frames_lost_in_a_tiny_ring_reach_ledger_metrics_and_log(
    start_agent: Starter, tmp_path: Path
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        metrics_port = probe.getsockname()[1]
    agent: AgentProcess = start_agent(
        "--interface", "lo", "--metrics-port", str(metrics_port), env={"JA4_CAPTURE_RING_MIB": "2"}
    )
    # Stopped, the agent cannot read; the kernel goes on filling the ring.
    agent.process.send_signal(signal.SIGSTOP)
    sent = 8_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(sent):
            sender.sendto(bytes(1_400), ("127.0.0.1", 443))
    agent.process.send_signal(signal.SIGCONT)

    def drops() -> float:
        with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        # In its first second the agent has no state to tell.
        found = [one for one in lines if one.startswith("ja4_agent_frames_dropped_kernel_total ")]
        return float(found[0].split()[1]) if found else 0.0

    give_up_s = time.monotonic() + CLIENT_DEADLINE_S
    while not drops():
        assert time.monotonic() < give_up_s, "the drops did not reach the metrics"
        time.sleep(0.1)
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/healthz", timeout=5) as answer:
        assert json.load(answer) == {"status": "ok", "reasons": []}
    assert agent.stop() == 0
    ticks = agent.rows("raw_agent_ticks")
    lost = sum(row["frames_dropped_kernel"] for row in ticks)
    assert lost > 0
    assert lost + sum(row["frames_seen"] for row in ticks) == sent
    assert agent.log("loss")[0]["counter"] == "frames_dropped_kernel"


RUN = (sys.executable, "-m", "capture_agent.cli", "run", "--metrics-port", "0")


def as_nobody(*capabilities: str) -> list[str]:
    """Prefix of a command: an unprivileged user, who may read the files of a virtual environment anywhere."""
    kept = ",".join(f"+{name}" for name in ("dac_read_search", *capabilities))
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    return [*command, "--inh-caps", kept, "--ambient-caps", kept]


def run_briefly(*arguments: str, prefix: Sequence[str] = (), **env: str) -> tuple[int, dict[str, Any]]:
    """Exit code and last log line of an agent that cannot start."""
    finished = subprocess.run(
        [*prefix, *RUN, *arguments],
        capture_output=True,
        check=False,
        timeout=CLIENT_DEADLINE_S,
        env={**os.environ, **env},
        cwd="/",
    )
    last = finished.stderr.decode().splitlines()[-1]
    return finished.returncode, json.loads(last)


def test_without_the_capability_the_error_names_it() -> None:
    code, line = run_briefly("--interface", "lo", "--sink", "stdout", prefix=as_nobody())
    assert code == 2
    assert "CAP_NET_RAW" in line["reason"]
    assert line["level"] == "error"


def test_with_the_capability_alone_no_root_is_needed() -> None:
    command = [*as_nobody("net_raw"), *RUN, "--interface", "lo", "--sink", "stdout"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd="/") as agent:
        assert agent.stderr is not None
        lines = [json.loads(agent.stderr.readline()) for _ in range(2)]
        agent.terminate()
        assert agent.wait(CLIENT_DEADLINE_S) == 0
    assert [line["event"] for line in lines] == ["capturing", "started"]


def test_wrong_interface_and_none_at_all_are_refused_by_name() -> None:
    code, line = run_briefly("--interface", "nowhere", "--sink", "stdout")
    assert (code, "nowhere: no such interface" in line["reason"]) == (2, True)
    code, line = run_briefly("--sink", "stdout", JA4_CAPTURE_INTERFACES="")
    assert (code, "there are lo" in line["reason"]) == (2, True)


def test_taken_metrics_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, line = run_briefly("--interface", "lo", "--sink", "stdout", "--metrics-port", str(port))
    assert code == 2
    assert str(port) in line["reason"]
    assert "JA4_METRICS_PORT" in line["reason"]
