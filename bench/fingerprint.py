"""Packets per second and CPU seconds of `ja4-agent read` beside nfstream and tshark, in one run.

    python bench/fingerprint.py [--packets N] [--runs 3] [--bulk 0] [--tools compiled,pure,nfstream,tshark]
                                [--permuted chromium|all|none|recorded]

Each tool reads the same capture of real TLS connections (bench/real_tls_capture.py) as a whole process,
in turn, `--runs` times; medians are printed. No two hellos of the capture are equal: every connection has
its own random values, and Chromium's hellos (or all, or none) their own order of extensions; `--permuted
recorded` leaves each copy of a connection as it was recorded but for its addresses. `pure` is
`ja4-agent read` without the compiled fast path. nfstream runs with its own defaults (nDPI dissection,
which gives JA4); tshark prints the fields that it has (JA3). nfstream is installed into an environment of
its own beside the capture at the first run.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from real_tls_capture import write_capture
from varied_hello import Permuted

NFSTREAM_PROGRAM = """
import sys
from nfstream import NFStreamer
for flow in NFStreamer(source=sys.argv[1]):
    if flow.client_fingerprint:
        print(flow.src_ip, flow.src_port, flow.client_fingerprint, flow.requested_server_name)
"""
TSHARK_FIELDS = ("frame.time_epoch", "ip.src", "tcp.srcport", "tls.handshake.ja3", "tls.handshake.ja3_full")


@dataclass(frozen=True, slots=True)
class Measurement:
    """One whole process: seconds and peak resident bytes, as the kernel accounts them."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    lines: int


def measure(command: list[str], output: Path, env: dict[str, str]) -> Measurement:
    """Run one command with its output in a file; raises CalledProcessError if it fails."""
    with output.open("wb") as out:
        started = time.perf_counter()
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    with output.open("rb") as lines:
        count = sum(1 for _ in lines)
    return Measurement(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, count)


def nfstream_python(folder: Path) -> str:
    """Interpreter of an environment that has nfstream; made at the first call."""
    python = folder / "nfstream" / "bin" / "python"
    if not python.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", str(python.parent.parent)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(python), "nfstream"], check=True)
    return str(python)


def commands(tools: list[str], capture: Path, folder: Path) -> dict[str, tuple[list[str], dict[str, str]]]:
    """The command line and the extra environment of each tool."""
    agent = [str(Path(sys.executable).with_name("ja4-agent")), "read", str(capture)]
    fields = [argument for field in TSHARK_FIELDS for argument in ("-e", field)]
    tshark = ["tshark", "-n", "-r", str(capture), "-Y", "tls.handshake.type == 1", "-T", "fields", *fields]
    known: dict[str, tuple[list[str], dict[str, str]]] = {
        "compiled": (agent, {}),
        "pure": (agent, {"JA4_PURE_PYTHON": "1"}),
        "tshark": (tshark, {}),
    }
    if "nfstream" in tools:
        program = folder / "nfstream_program.py"
        program.write_text(NFSTREAM_PROGRAM)
        known["nfstream"] = ([nfstream_python(folder), str(program), str(capture)], {})
    return {tool: known[tool] for tool in tools}


def main() -> None:
    """Build the capture, run the tools in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--packets", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bulk", type=int, default=0, help="full segments after each of the server's")
    parser.add_argument("--permuted", type=Permuted, choices=tuple(Permuted), default=Permuted.CHROMIUM)
    parser.add_argument("--tools", default="compiled,pure,nfstream,tshark")
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    capture = options.folder / f"tls-{options.packets}-{options.bulk}-{options.permuted}.pcap"
    packets = write_capture(capture, options.packets, options.bulk, options.permuted)
    size_mb = capture.stat().st_size / 1e6
    print(f"{packets:,} packets, {size_mb:,.0f} MB, extensions permuted: {options.permuted}")
    print(f"median of {options.runs} runs of each tool in turn\n")
    tools = commands(options.tools.split(","), capture, options.folder)
    runs: dict[str, list[Measurement]] = {tool: [] for tool in tools}
    for _ in range(options.runs):
        for tool, (command, extra) in tools.items():
            runs[tool].append(measure(command, options.folder / f"{tool}.out", {**os.environ, **extra}))
    print(f"{'tool':10} {'packets/s':>12} {'CPU s':>8} {'ns CPU/packet':>14} {'peak MB':>8} {'lines':>8}")
    cpu = {tool: statistics.median(run.cpu_s for run in measured) for tool, measured in runs.items()}
    for tool, measured in runs.items():
        wall_s = statistics.median(run.wall_s for run in measured)
        peak_mb = max(run.peak_bytes for run in measured) / 1e6
        per_packet_ns = cpu[tool] / packets * 1e9
        print(
            f"{tool:10} {packets / wall_s:12,.0f} {cpu[tool]:8.2f} {per_packet_ns:14,.0f} "
            f"{peak_mb:8,.0f} {measured[-1].lines:8,}"
        )
    print()
    for own in ("compiled", "pure"):
        for peer in ("nfstream", "tshark"):
            if own in cpu and peer in cpu:
                print(f"{own} needs {cpu[peer] / cpu[own]:.1f} times less CPU a packet than {peer}")


if __name__ == "__main__":
    main()
