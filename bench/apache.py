"""What mod_reqin_log costs Apache, and whether every event that is lost is counted.

First part: wrk against three servers in turns, in an order that rotates: without the module, without it again
as a control, and with it, while a reader drains the socket. CPU is that of all of a server's threads, by the
scheduler's count. Each ratio is the median over rounds of with to without, with a bootstrap interval of 95 %;
the control's shows what the machine's other work does to such a figure.
Second part, where valgrind is installed: instructions in user space that a request takes, which other work
does not change.
Third part: ab against the module while its reader is absent, hung or killed.

    python bench/apache.py [--rounds 15] [--seconds 1] [--requests 30000]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "capture_agent" / "httpd"))

from private_apache import EventReader, PrivateApache, build_module

CONNECTIONS = 16
SERVERS = (
    "ServerLimit 2\nStartServers 2\nThreadsPerChild 25\nMaxRequestWorkers 50\n"
    "MinSpareThreads 1\nMaxSpareThreads 50\nLogLevel warn"
)
BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "https://shop.test/products/17",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Cookie": "session=0123456789abcdef0123456789abcdef; theme=dark; consent=1",
}
RESAMPLES = 10_000
COUNTED_REQUESTS = (200, 1_200)
WRK_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of wrk."""

    requests: int
    cpu_s: float
    p99_ms: float
    failures: int

    @property
    def cpu_s_per_100k(self) -> float:
        """CPU seconds of all of Apache's processes for 100,000 requests."""
        return self.cpu_s / self.requests * 100_000


def url_of(apache: PrivateApache) -> str:
    """The file that is fetched."""
    return f"http://127.0.0.1:{apache.port}/index.html"


def cpu_seconds(apache: PrivateApache) -> float:
    """Time that the threads of the server's processes have run, to the nanosecond (proc(5), schedstat)."""
    if apache.process is None:
        raise RuntimeError("the server is not running")
    run_ns = 0
    for pid in (apache.process.pid, *apache.children()):
        for task in Path(f"/proc/{pid}/task").iterdir():
            run_ns += int((task / "schedstat").read_text().split()[0])
    return run_ns / 1e9


def run_wrk(apache: PrivateApache, seconds: int) -> Measurement:
    """Load the server for `seconds`."""
    fields = [part for name, value in BROWSER_HEADERS.items() for part in ("-H", f"{name}: {value}")]
    before = cpu_seconds(apache)
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", *fields, url_of(apache)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    cpu_s = cpu_seconds(apache) - before
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    count = re.search(r"(\d+) requests in", output)
    if p99 is None or count is None:
        raise RuntimeError(f"wrk said: {output}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    return Measurement(
        requests=int(count[1]),
        cpu_s=cpu_s,
        p99_ms=float(p99[1]) * WRK_UNITS_MS[p99[2]],
        failures=sum(map(int, errors.groups() if errors else ())) + int(refused[1] if refused else 0),
    )


def compare_cost(module: Path, rounds: int, seconds: int) -> None:
    """Print medians of each server and the ratios to the one without the module."""
    with_module = PrivateApache(module, directives=SERVERS)
    servers = {
        "without": PrivateApache(None, directives=SERVERS),
        "control": PrivateApache(None, directives=SERVERS),
        "with": with_module,
    }
    runs: dict[str, list[Measurement]] = {name: [] for name in servers}
    reader = EventReader(with_module.socket_path, keeps_events=False).start()
    with contextlib.ExitStack() as stack:
        stack.callback(reader.die)
        for apache in servers.values():
            stack.enter_context(apache)
            run_wrk(apache, 1)  # threads, caches, buckets
        order = list(servers)
        for _ in range(rounds):
            for name in order:
                runs[name].append(run_wrk(servers[name], seconds))
            order = [*order[1:], order[0]]
    for name, found in runs.items():
        print(
            f"{name:8} {statistics.median(run.requests / seconds for run in found):9,.0f} requests/s "
            f"{statistics.median(run.cpu_s_per_100k for run in found):7.3f} CPU s per 100,000 "
            f"p99 {statistics.median(run.p99_ms for run in found):7.3f} ms "
            f"failed {sum(run.failures for run in found)}"
        )
    for name in ("with", "control"):
        pairs = list(zip(runs["without"], runs[name], strict=True))
        for label, ratios in (
            ("CPU", [new.cpu_s_per_100k / old.cpu_s_per_100k for old, new in pairs]),
            ("p99", [new.p99_ms / old.p99_ms for old, new in pairs]),
        ):
            low, high = bootstrap_interval(ratios)
            middle = statistics.median(ratios)
            print(f"{label} {name} / without: {middle:.3f}, 95 % between {low:.3f} and {high:.3f}")
    print(f"reader took {reader.bytes_read:,} bytes; load of the machine {os.getloadavg()[0]:.1f}")


def bootstrap_interval(ratios: list[float]) -> tuple[float, float]:
    """Where the median of as many ratios lies in 95 of 100 cases, by resampling."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(ratios, k=len(ratios))) for _ in range(RESAMPLES))
    return medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000]


def count_instructions(module: Path) -> None:
    """Print what a request takes in user space, by the difference of a longer and a shorter run."""
    found = {}
    for name, loaded in (("without", None), ("with", module)):
        short, long = (instructions_of(loaded, requests) for requests in COUNTED_REQUESTS)
        found[name] = (long - short) / (COUNTED_REQUESTS[1] - COUNTED_REQUESTS[0])
    print(
        f"instructions of a request: {found['without']:,.0f} without, {found['with']:,.0f} with, "
        f"ratio {found['with'] / found['without']:.3f}"
    )


def instructions_of(module: Path | None, requests: int) -> int:
    """All that a server executes from its start to its end, with so many requests between."""
    apache = PrivateApache(module, single_process=True)
    log_file = apache.root / "valgrind.log"
    # The profile itself is not wanted, and the user that the server becomes could not write it.
    apache.run_under(
        "valgrind", "--tool=callgrind", f"--log-file={log_file}", f"--callgrind-out-file={os.devnull}"
    )
    reader = EventReader(apache.socket_path, keeps_events=False).start()
    try:
        with apache:
            run_ab(apache, requests, connections=1)
            apache.stop()
            collected = re.search(r"Collected : (\d+)", log_file.read_text())
    finally:
        reader.die()
    if collected is None:
        raise RuntimeError("valgrind counted nothing")
    return int(collected[1])


def run_ab(apache: PrivateApache, requests: int, connections: int = CONNECTIONS) -> tuple[int, float]:
    """Exactly `requests` requests: how many failed, and the slowest in ms."""
    fields = [part for name, value in BROWSER_HEADERS.items() for part in ("-H", f"{name}: {value}")]
    output = subprocess.run(
        ["ab", "-q", "-k", "-l", "-n", str(requests), "-c", str(connections), *fields, url_of(apache)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    failed = int(re.findall(r"Failed requests:\s+(\d+)", output)[0])
    failed += sum(map(int, re.findall(r"Non-2xx responses:\s+(\d+)", output)))
    return failed, float(re.findall(r"100%\s+(\d+)", output)[0])


def lose_readers(module: Path, requests: int) -> None:
    """Print, for each way to lose a reader, what failed, what came and what the numbers say is missing."""
    for way in ("draining", "hung", "killed", "absent"):
        # Without the ends of connections, lost events are requests: the two numbers must be equal.
        with PrivateApache(module, directives=f"{SERVERS}\nReqinLogConnections Off") as apache:
            reader = EventReader(apache.socket_path).start()
            made = requests + 200
            failed, _ = run_ab(apache, 100)
            time.sleep(0.3)
            if way == "hung":
                reader.stall()
            elif way == "absent":
                reader.die()
                apache.socket_path.unlink()
            if way == "killed":
                load = subprocess.Popen(
                    ["ab", "-q", "-k", "-l", "-n", str(requests), "-c", str(CONNECTIONS), url_of(apache)],
                    stdout=subprocess.PIPE,
                    text=True,
                )
                time.sleep(0.5)
                reader.stall()
                time.sleep(0.1)
                reader.die()
                output = load.communicate()[0]
                failed += int(re.findall(r"Failed requests:\s+(\d+)", output)[0])
                slowest = float(re.findall(r"100%\s+(\d+)", output)[0])
            else:
                failed_now, slowest = run_ab(apache, requests)
                failed += failed_now
            if way == "hung":
                reader.resume()
            elif way != "draining":
                reader.start()
            settle(reader)
            failed += run_ab(apache, 100)[0]
            settle(reader)
            apache.stop()
            settle(reader)
            reader.die()
            report(way, made, failed, slowest, reader)


def report(way: str, made: int, failed: int, slowest_ms: float, reader: EventReader) -> None:
    """One line: what ab made and did not come, beside what the numbers of the events say is missing."""
    received = len(reader.of_kind("end"))
    lost, missing = reader.lost(), made - received
    verdict = "equal" if lost == missing else f"DIFFERENT by {lost - missing}"
    print(
        f"{way:9} requests {made:,}, failed {failed}, slowest {slowest_ms:.0f} ms; not reported {missing:,}, "
        f"counted as lost {lost:,} ({verdict}), of those dropped by the module {reader.dropped():,}"
    )


def settle(reader: EventReader) -> None:
    """Wait until nothing has come for half a second."""
    seen = -1
    while seen != len(reader.lines):
        seen = len(reader.lines)
        time.sleep(0.5)


def main() -> None:
    """Run both parts, if the machine has the tools."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--requests", type=int, default=30_000)
    options = parser.parse_args()
    missing = [tool for tool in ("apache2", "apxs", "wrk", "ab") if shutil.which(tool) is None]
    if missing:
        print(f"not run: no {', '.join(missing)} on this machine")
        return
    with tempfile.TemporaryDirectory() as folder:
        module = build_module(Path(folder))
        compare_cost(module, options.rounds, options.seconds)
        if shutil.which("valgrind"):
            count_instructions(module)
        lose_readers(module, options.requests)


if __name__ == "__main__":
    main()
