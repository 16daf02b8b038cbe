"""The same traffic for other programs that read ClientHellos from an interface: CPU for each hello."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from endurance.cable import INTERFACE, SERVER_MAC, Cable
from endurance.parts import Agent, Sender, sent_by
from endurance.scenario import RECORDINGS, Plan
from endurance.traffic import Order
from lab.network import enter_namespace

NFSTREAM = """
from nfstream import NFStreamer
options = dict(snapshot_length=65535, n_meters=1, idle_timeout=5, active_timeout=5)
for flow in NFStreamer(source="{interface}", **options):
    if flow.application_name.startswith(("TLS", "QUIC")) or flow.client_fingerprint:
        print(flow.src_port, flow.client_fingerprint, flow.requested_server_name, flush=True)
"""
TSHARK_FIELDS = ("ip.src", "tcp.srcport", "tls.handshake.ja3", "tls.handshake.extensions_server_name")
PEERS = ("tshark", "nfstream")
START_S, END_S = 4.0, 8.0


@dataclass(frozen=True, slots=True)
class Peer:
    """What one program made of the traffic."""

    sent: int
    hellos: int
    cpu_s: float
    """User and system time of the program and its children, its start excepted."""

    @property
    def us_per_hello(self) -> float:
        """CPU for each hello that it found, microseconds."""
        return self.cpu_s / max(self.hellos, 1) * 1e6


def measure_peers(plan: Plan, folder: Path, nfstream_python: str) -> dict[str, Peer]:
    """The agent and its peers, one after another, on the same traffic.

    `nfstream_python`: interpreter of an environment that has nfstream.
    """
    found = {"ja4-agent": _inside(_measure_agent, plan, folder)}
    if shutil.which("tshark"):
        fields = [part for name in TSHARK_FIELDS for part in ("-e", name)]
        command = ["tshark", "-i", INTERFACE, "-l", "-n", "-f", "tcp port 443", "-Y", "tls.handshake.type==1"]
        found["tshark"] = _inside(_measure, plan, folder, [*command, "-T", "fields", *fields])
    code = NFSTREAM.format(interface=INTERFACE)
    found["nfstream"] = _inside(_measure, plan, folder, [nfstream_python, "-c", code])
    return found


def _inside(work: Callable[..., Peer], plan: Plan, folder: Path, *more: Sequence[str]) -> Peer:
    with Cable() as cable:
        enter = {"initializer": enter_namespace, "initargs": (cable.server_side,)}
        with ThreadPoolExecutor(1, **enter) as inside:
            return inside.submit(work, plan, folder, cable, *more).result()


def _send(plan: Plan, cable: Cable, events: Path) -> int:
    order = Order(
        interface=INTERFACE,
        server_mac=SERVER_MAC,
        recordings=str(RECORDINGS),
        events=str(events),
        seconds=plan.seconds,
        connections_per_s=plan.connections_per_s,
    )
    return sent_by(Sender(cable.client_side, "endurance.traffic", order, plan.prefix)).connections


def _measure_agent(plan: Plan, folder: Path, cable: Cable) -> Peer:
    rows = folder / "rows.jsonl"
    sink = f'[[sinks]]\ntype = "file"\npath = "{rows}"\nrotate_mib = 100000\n'
    agent = Agent(folder, "http://nobody@127.0.0.1:1/none", plan.prefix, sink)
    agent.start()
    time.sleep(START_S)
    idle_s = sum(agent.cpu_s().values())
    sent = _send(plan, cable, folder / "nobody.sock")
    time.sleep(START_S)
    cpu_s = sum(agent.cpu_s().values()) - idle_s
    agent.stop()
    with rows.open("rb") as lines:
        hellos = sum(line.startswith(b'{"table":"raw_tls_hellos"') for line in lines)
    return Peer(sent, hellos, cpu_s)


def _measure(plan: Plan, folder: Path, cable: Cable, command: Sequence[str]) -> Peer:
    out = folder / "peer.txt"
    with out.open("wb") as file:
        program = subprocess.Popen(
            [*plan.prefix, *command], stdout=file, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(START_S)
        idle_s = _session_cpu_s(program.pid)
        sent = _send(plan, cable, folder / "nobody.sock")
        time.sleep(END_S)
        cpu_s = _session_cpu_s(program.pid) - idle_s
        os.killpg(program.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            program.wait(END_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
    return Peer(sent, sum(1 for _ in out.open("rb")), cpu_s)


def _session_cpu_s(session: int) -> float:
    """CPU of every process of a session so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                total += sum(map(int, fields[11:15])) / ticks
    return total
