"""The life of a running agent: it gives up root, tells its service manager, reloads while traffic runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.capture_agent.agent.conftest import ReportingServer

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("own_network")]

DEADLINE_S = 20.0
NET_RAW_ALONE = f"{1 << 13:016x}"
NOTHING = "0" * 16
Row = dict[str, Any]


class Agent:
    """`ja4-agent run` with a settings file that can be replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "agent.toml"
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "notify"))
        (folder / "notify").chmod(0o666)
        self.manager.settimeout(0.5)
        self._log = folder / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, settings: str) -> None:
        self.config.write_text(settings)
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(self.folder / "notify"),
            "WATCHDOG_USEC": "10000000",
            "JA4_DELIVERY_BATCH_AGE_S": "0.1",
            "JA4_METRICS_PORT": "0",
        }
        command = [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(self.config)]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, env=environment)
        self.expect("READY=1")

    def expect(self, line: str) -> list[str]:
        """Datagrams up to the one that holds `line`."""
        seen: list[str] = []
        give_up_s = time.monotonic() + DEADLINE_S
        while not (seen and line in seen[-1].split("\n")):
            assert self.process is not None
            try:
                seen.append(self.manager.recv(4_096).decode())
            except TimeoutError:
                has_ended = self.process.poll() is not None
                if has_ended or time.monotonic() > give_up_s:
                    raise AssertionError(f"no {line} after {seen}: {self._log.read_text()}") from None
        return seen

    def reload(self, settings: str) -> None:
        """Replace the file, ask for it to be read, and wait until that is done."""
        assert self.process is not None
        self.config.write_text(settings)
        self.process.send_signal(signal.SIGHUP)
        self.expect("RELOADING=1")
        self.expect("READY=1")

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(DEADLINE_S)

    def log(self, event: str) -> list[Row]:
        return [one for one in map(json.loads, self._log.read_text().splitlines()) if one["event"] == event]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    running = Agent(tmp_path)
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.kill()
        running.process.wait(DEADLINE_S)
    running.manager.close()


def rows(path: Path, table: str) -> list[Row]:
    if not path.exists():
        return []
    return [row for row in map(json.loads, path.read_text().splitlines()) if row["table"] == table]


def status_of(process: subprocess.Popen[bytes]) -> dict[str, set[str]]:
    """Lines of /proc/PID/task/*/status: what each thread has."""
    found: dict[str, set[str]] = {}
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key, set()).add(value.strip())
    return found


def connect(port: int, count: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for _ in range(count):
        with (
            socket.create_connection(("127.0.0.1", port)) as connection,
            context.wrap_socket(connection) as stream,
        ):
            stream.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: life\r\nAccept: */*\r\n\r\n")
            stream.recv(1_000)


def test_root_is_given_up_for_the_one_capability(
    agent: Agent, tmp_path: Path, start_server: Callable[..., ReportingServer]
) -> None:
    server = start_server()
    state = Path("/run") / f"ja4-test-{os.getpid()}"
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == 0 and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)
    try:
        settings = f"""
[agent]
user = "nobody"
state_dir = "{state}"
[capture]
interfaces = ["lo"]
ports = [{server.port}]
[[http]]
socket = "{state}/sockets/requests.sock"
[[sinks]]
type = "file"
path = "{state}/rows.jsonl"
"""
        agent.start(settings)
        assert agent.process is not None
        status = status_of(agent.process)
        for key in ("CapEff", "CapPrm", "CapBnd"):
            assert status[key] == {NET_RAW_ALONE}, key
        for key in ("CapInh", "CapAmb"):
            assert status[key] == {NOTHING}, key
        assert status["NoNewPrivs"] == {"1"}
        assert status["Uid"] == {"65534\t65534\t65534\t65534"}
        connect(server.port, 3)
        agent.reload(settings + '[capture.exclude]\nsource_networks = ["10.0.0.0/8"]\n')
        connect(server.port, 2)
        assert agent.stop() == 0
        assert len(rows(state / "rows.jsonl", "raw_tls_hellos")) == 5
        assert agent.log("settings reloaded")[0]["lists"] is True
        assert (state / "rows.jsonl").stat().st_uid == 65_534
        assert not (state / "sockets" / "requests.sock").exists()
    finally:
        subprocess.run(["rm", "-rf", str(state)], check=True)
    assert agent.log("started")[0]["user"] == "nobody:nogroup"


def test_user_that_is_not_there_keeps_the_agent_from_starting(tmp_path: Path) -> None:
    config = tmp_path / "agent.toml"
    config.write_text('sinks = ["stdout"]\n[agent]\nuser = "nobody-at-all"\n[capture]\ninterfaces = ["lo"]\n')
    command = [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(config)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=DEADLINE_S)
    last = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, last["reason"]) == (2, "agent.user: there is no user 'nobody-at-all'")


def settings_of(agent: Agent, ports: list[int], *sinks: str, keep: int = 7, more: str = "") -> str:
    tables = "".join(
        f'[[sinks]]\ntype = "file"\nkeep = {keep}\npath = "{agent.folder / name}"\n' for name in sinks
    )
    return (
        f'[agent]\nstate_dir = "{agent.folder}"\n[capture]\ninterfaces = ["lo"]\nports = {ports}\n'
        f'[[http]]\nsocket = "{agent.folder}/requests.sock"\n{tables}{more}'
    )


def test_reloads_while_traffic_runs_cost_no_hello_and_no_request(
    agent: Agent, start_server: Callable[..., ReportingServer]
) -> None:
    """Ports, lists, headers and sinks change again and again; the port that is always wanted is complete."""
    agent.start(settings_of(agent, [1], "always.jsonl"))
    server = start_server(agent.folder / "requests.sock")
    agent.reload(settings_of(agent, [server.port], "always.jsonl"))
    count = 150
    client = threading.Thread(target=connect, args=(server.port, count))
    client.start()
    turns = 0
    while client.is_alive() or turns < 4:
        turns += 1
        ports = [server.port, *range(1, 1 + turns % 3)]
        exclude = f'[capture.exclude]\nsource_networks = ["10.{turns}.0.0/16"]\n'
        headers = "[requests]\nkept_headers = [" + ('"user-agent"' if turns % 2 else '"accept"') + "]\n"
        sinks = ["always.jsonl", f"turn-{turns}.jsonl"][: 1 + turns % 2]
        # With other settings, a sink of the same file takes the place of the one before.
        agent.reload(settings_of(agent, ports, *sinks, keep=7 + turns // 2 % 2, more=exclude + headers))
    client.join()
    assert agent.stop() == 0
    always = agent.folder / "always.jsonl"
    assert len(rows(always, "raw_tls_hellos")) == count
    requests = rows(always, "raw_http_requests")
    assert len(requests) == count
    assert {row["join_state"] for row in requests} == {"matched"}
    assert len(agent.log("settings reloaded")) == turns + 1
    [books] = agent.log("stopped")
    written = sum(len(path.read_text().splitlines()) for path in agent.folder.glob("*.jsonl"))
    assert books["rows_inserted"] == written
    assert "rows_discarded" not in books


def test_kept_headers_follow_a_reload(agent: Agent, start_server: Callable[..., ReportingServer]) -> None:
    agent.start(settings_of(agent, [1], "rows.jsonl", more='[requests]\nkept_headers = ["user-agent"]\n'))
    server = start_server(agent.folder / "requests.sock")
    connect(server.port, 1)
    time.sleep(0.3)
    agent.reload(settings_of(agent, [1], "rows.jsonl", more='[requests]\nkept_headers = ["accept"]\n'))
    connect(server.port, 1)
    assert agent.stop() == 0
    found = [
        (row["user_agent"], row["accept"]) for row in rows(agent.folder / "rows.jsonl", "raw_http_requests")
    ]
    assert found == [("life", None), (None, "*/*")]


@pytest.mark.parametrize("choice", ["workers = 3", 'source = "scapy"'])
def test_every_way_to_capture_sees_every_connection(
    agent: Agent, start_server: Callable[..., ReportingServer], choice: str
) -> None:
    if "scapy" in choice:
        pytest.importorskip("scapy.all", reason="scapy is not installed")
    server = start_server()
    settings = settings_of(agent, [server.port], "rows.jsonl").replace("[capture]", f"[capture]\n{choice}")
    agent.start(settings)
    connect(server.port, 20)
    assert agent.stop() == 0
    ports = [row["src_port"] for row in rows(agent.folder / "rows.jsonl", "raw_tls_hellos")]
    assert len(ports) == len(set(ports)) == 20
    [started] = agent.log("capturing")
    assert (started["workers"], started["method"]) == ((1, "scapy") if "scapy" in choice else (3, "ring"))


def test_lists_leave_out_hellos_and_requests_and_the_books_say_how_many(
    agent: Agent, start_server: Callable[..., ReportingServer]
) -> None:
    lists = '[capture.exclude]\nsource_networks = ["127.0.0.0/8"]\n'
    agent.start(settings_of(agent, [], "rows.jsonl", more=lists))
    server = start_server(agent.folder / "requests.sock")
    connect(server.port, 4)
    assert agent.stop() == 0
    assert rows(agent.folder / "rows.jsonl", "raw_tls_hellos") == []
    assert rows(agent.folder / "rows.jsonl", "raw_http_requests") == []
    [books] = agent.log("stopped")
    assert books["http_events_excluded"] == 4


def test_bad_new_settings_leave_the_old_ones_in_force_and_say_why(
    agent: Agent, start_server: Callable[..., ReportingServer]
) -> None:
    server = start_server()
    good = settings_of(agent, [server.port], "rows.jsonl")
    agent.start(good)
    agent.reload(good.replace("ports =", "port ="))
    agent.reload(good.replace("rows.jsonl", "other.jsonl") + "[agent.x]\ny = 1\n")
    connect(server.port, 5)
    assert agent.stop() == 0
    assert len(rows(agent.folder / "rows.jsonl", "raw_tls_hellos")) == 5
    first, second = agent.log("settings not reloaded, the old ones stay in force")
    assert "agent.toml:5: capture.port: unknown key, perhaps ports is meant" in first["reasons"][0]
    assert "agent.x: unknown key" in second["reasons"][0]
    assert not (agent.folder / "other.jsonl").exists()


def test_settings_that_take_a_restart_are_named(agent: Agent) -> None:
    good = settings_of(agent, [443], "rows.jsonl")
    agent.start(good)
    agent.reload(
        good.replace("[capture]", 'site = "berlin"\n[capture]\nring_mib = 8') + "[join]\nidle_s = 7\n"
    )
    assert agent.stop() == 0
    [line] = agent.log("changed settings take a restart")
    assert line["keys"] == ["agent.site", "capture.ring_mib", "join.idle_s"]


def test_the_watchdog_is_fed_and_the_end_is_told(agent: Agent) -> None:
    agent.start(settings_of(agent, [443], "rows.jsonl"))
    agent.expect("WATCHDOG=1")
    agent.expect("WATCHDOG=1")
    assert agent.process is not None
    agent.process.send_signal(signal.SIGTERM)
    told = agent.expect("STOPPING=1")[-1]
    assert "EXTEND_TIMEOUT_USEC=11000000" in told
    assert agent.process.wait(DEADLINE_S) == 0
