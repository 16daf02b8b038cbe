"""How long after a request its verdict stands on the dashboard, with the platform's default schedules.

    python bench/latency.py [--marks 10] [--every 35] [--scale 1]

Starts the whole platform (`ja4 up`: database, MLflow, Dagster, dashboard) with a day of sample traffic in a
temporary folder on free ports. Then a recorded scanner visits under ever new addresses, its packets and log
lines sent through the agent as a replay that ends now, and the dashboard's API is asked each second what it
says of that address. The time runs from the newest request to the first answer with a verdict. The marks do
not heed the schedule, so they meet it at every phase.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import IPv4Address
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from sample_traffic.lab_recording import LabRecording, at_time  # noqa: E402
from sample_traffic.sample_files import CAPTURE, EVENTS, SampleFiles, Truth  # noqa: E402
from soc_dashboard.access.registry import open_accounts  # noqa: E402

RECORDING, SCANNER = "lab-2", "gobuster-0"
FIRST_ADDRESS = IPv4Address("198.18.0.1")
"""Addresses for benchmarks (RFC 2544): nobody has them."""

VISIT_S = 60
GIVE_UP_S = 900
PORTS = ("JA4_CLICKHOUSE_PORT", "JA4_DAGSTER_PORT", "JA4_MLFLOW_PORT", "JA4_DASHBOARD_PORT")


@dataclass(slots=True)
class Mark:
    """One visit, and when its verdict was seen."""

    address: str
    sent_at: float
    verdict: str = ""
    seconds: float | None = None


@dataclass(slots=True)
class Platform:
    """The platform under test."""

    home: Path
    scale: float
    """Size of the sample; 1 is that of `make up`."""
    environment: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def start(self) -> None:
        """Start everything; raises CalledProcessError with the command's own message on the terminal."""
        ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self.environment = {**os.environ, **ports, "JA4_HOME": str(self.home), "JA4_SAMPLE": "false"}
        self.run("operator_cli.main", "up")
        # Somebody who signed in once: a one-time password opens nothing but the form for a new one.
        self.run("soc_dashboard.access", "add-user", "latency")
        accounts = open_accounts(self.home)
        account = next(one for one in accounts.users.all() if one.name == "latency")
        accounts.users.change_password(account, secrets.token_urlsafe(24))
        accounts.file.close()
        made = self.run("soc_dashboard.access", "token", "latency", "--for", "bench", "--scope", "read")
        self.token = made.stdout.split()[-1]
        # `up` chooses the URL of the embedded database itself, with a password that it makes.
        password = (self.home / "secrets" / "clickhouse_password").read_text().strip()
        port = ports["JA4_CLICKHOUSE_PORT"]
        self.environment["JA4_CLICKHOUSE_URL"] = f"http://ja4:{password}@127.0.0.1:{port}/ja4_processing"
        self.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{ports['JA4_MLFLOW_PORT']}"
        self.environment["DAGSTER_HOME"] = str(self.home / "dagster")
        self.fill()

    def fill(self) -> None:
        """What `ja4 up` does with an empty database: a day of sample traffic, and every asset once."""
        with tempfile.TemporaryDirectory() as folder:
            self.run("sample_traffic", "--out", folder, "--scale", f"{self.scale:g}")
            self.replay(Path(folder), "sample")
        self.run("ja4_assets.first_run")

    def replay(self, folder: Path, sensor: str) -> None:
        """Send a capture and its events through the agent, the last of them now."""
        arguments = ("replay", str(folder / CAPTURE), "--http", str(folder / EVENTS), "--shift-to-now")
        self.run("capture_agent.cli", *arguments, "--sink", "clickhouse", "--sensor", sensor)

    def run(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one of the platform's programs; raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )

    def stop(self) -> None:
        """Stop what `start` started."""
        for name in ("JA4_CLICKHOUSE_URL", "MLFLOW_TRACKING_URI", "DAGSTER_HOME"):
            self.environment.pop(name, None)
        self.run("operator_cli.main", "down")

    def visit(self, mark: Mark, folder: Path) -> None:
        """Send the scanner's visit under the mark's address; the newest request is of now."""
        write_visit(mark.address, folder)
        mark.sent_at = time.time()
        self.replay(folder, "latency")

    def verdict_on(self, address: str) -> str:
        """What the API says of an address; '' while there is no verdict, or no answer within 30 s."""
        url = f"http://127.0.0.1:{self.environment['JA4_DASHBOARD_PORT']}/api/ip/{address}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {self.token}"})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                entities = json.load(answer)["top_entities"]
        except TimeoutError:
            return ""
        verdict: str = entities[0]["verdict"] if entities else "unknown"
        return "" if verdict == "unknown" else verdict


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def write_visit(address: str, folder: Path) -> None:
    """The last minute of a recorded scanner, from another address, as a capture and a log."""
    recording = LabRecording(RECORDING)
    source = next(one.address for one in recording.labels() if one.identity == SCANNER)
    before, after = IPv4Address(source).packed, IPv4Address(address).packed
    events = [(at_us, event) for at_us, event in recording.events() if event.src_ip == source]
    end_us = max(at_us for at_us, _ in events)
    start_us = end_us - VISIT_S * 1_000_000
    with SampleFiles(folder, start_us, end_us + 2_000_000) as files:
        for at_us, frame in recording.frames():
            if before in frame[:54]:
                files.add_frame(at_us, frame[:54].replace(before, after) + frame[54:])
        for at_us, event in events:
            moved = msgspec.structs.replace(event, src_ip=address)
            files.add_event(at_time(moved, at_us), "", Truth("bot", "scanner", "gobuster", SCANNER))


def measure(platform: Platform, marks: int, every_s: float) -> list[Mark]:
    """Send the marks, and wait until each has its verdict or is given up."""
    sent: list[Mark] = []
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        while True:
            now = time.time()
            if len(sent) < marks and now >= started + len(sent) * every_s:
                mark = Mark(str(FIRST_ADDRESS + len(sent)), now)
                platform.visit(mark, Path(folder))
                sent.append(mark)
            for mark in sent:
                if mark.seconds is None and (verdict := platform.verdict_on(mark.address)):
                    mark.verdict, mark.seconds = verdict, time.time() - mark.sent_at
                    at = datetime.fromtimestamp(mark.sent_at, UTC)
                    print(f"{at:%H:%M:%S}  {mark.seconds:6.1f} s  {mark.verdict}", flush=True)
            waiting = [mark for mark in sent if mark.seconds is None]
            if len(sent) == marks and (not waiting or now > waiting[-1].sent_at + GIVE_UP_S):
                return sent
            time.sleep(1)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]


def main() -> int:
    """Run and print; 1 if a mark never got a verdict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--marks", type=int, default=10)
    parser.add_argument("--every", type=float, default=35.0, help="seconds from one mark to the next")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the sample, 1 as in `make up`")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        platform = Platform(Path(home), options.scale)
        try:
            platform.start()
            marks = measure(platform, options.marks, options.every)
        finally:
            platform.stop()
    seconds = [mark.seconds for mark in marks if mark.seconds is not None]
    if seconds:
        print(
            f"\n{len(seconds)} of {len(marks)} requests judged; from request to verdict on the dashboard: "
            f"median {quantile(seconds, 0.5):.0f} s, p95 {quantile(seconds, 0.95):.0f} s, "
            f"longest {max(seconds):.0f} s (goal: 300 s)"
        )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if len(seconds) == len(marks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
