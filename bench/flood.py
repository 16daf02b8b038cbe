"""Peak memory and evictions of `ja4-agent read` under floods, and over a long capture.

    python bench/flood.py [--kinds half_open,half_hellos,hellos,long] [--flows N] [--paths compiled,pure]

`half_open`: SYNs of as many addresses, nothing else. `half_hellos`: SYN, ACK and the first half of a hello.
`hellos`: SYN, ACK and a whole hello of its own random, and then silence. `long`: complete connections one
after the other over many hours. A process of its own reads each capture; its peak resident memory is what
the kernel accounts to it (VmHWM), the interpreter's 30 MB included.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

VECTOR = Path(__file__).parents[1] / "tests" / "vectors" / "client_hello" / "curl-h2.json"
SYN, ACK, FIN, PSH = 0x02, 0x10, 0x01, 0x08
SYN_OPTIONS = bytes.fromhex("020405b40402080a00000001000000000103030a")
START_S = 1_700_000_000
ETHERNET = 1
KINDS = ("half_open", "half_hellos", "hellos", "long")
FLOOD_GAP_US, LONG_GAP_US = 20, 20_000
RANDOM_OFFSET = 11
"""Of the hello's random in its record."""


def frame(number: int, flags: int, seq: int, payload: bytes, *, from_server: bool = False) -> bytes:
    """Ethernet, IPv4 and TCP of one segment of connection `number`; every client has its own address."""
    options = SYN_OPTIONS if flags & SYN else b""
    client, server = struct.pack(">I", 0x0B000000 + number), bytes((203, 0, 113, 9))
    ports = (1024 + number % 60_000, 443)
    ends = client + server
    if from_server:
        ends, ports = server + client, ports[::-1]
    words = 5 + len(options) // 4
    total = 20 + words * 4 + len(payload)
    ip_header = struct.pack(">BBHHHBBH", 0x45, 0, total, 7, 0x4000, 57, 6, 0) + ends
    tcp = struct.pack(">HHIIBBHHH", *ports, seq % 2**32, 0, words << 4, flags, 64240, 0, 0)
    return bytes(12) + b"\x08\x00" + ip_header + tcp + options + payload


def segments(kind: str, number: int, hello: bytes) -> Iterator[bytes]:
    """Frames of one connection."""
    isn = 1000 + number
    yield frame(number, SYN, isn, b"")
    if kind == "half_open":
        return
    yield frame(number, ACK, isn + 1, b"")
    own = bytearray(hello)
    own[RANDOM_OFFSET : RANDOM_OFFSET + 4] = struct.pack(">I", number)
    if kind == "half_hellos":
        yield frame(number, PSH | ACK, isn + 1, bytes(own[: len(own) // 2]))
        return
    yield frame(number, PSH | ACK, isn + 1, bytes(own))
    if kind == "long":
        end = isn + 1 + len(hello)
        yield frame(number, FIN | ACK, end, b"")
        yield frame(number, FIN | ACK, 9001, b"", from_server=True)
        yield frame(number, ACK, end + 1, b"")


def write_capture(kind: str, flows: int, path: Path) -> None:
    """A pcap file of `flows` connections of this kind."""
    hello = bytes.fromhex(json.loads(VECTOR.read_text())["stream"])
    gap_us = LONG_GAP_US if kind == "long" else FLOOD_GAP_US
    now_us = 0
    with path.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, ETHERNET))
        for number in range(flows):
            for octets in segments(kind, number, hello):
                seconds, microseconds = divmod(now_us, 1_000_000)
                size = len(octets)
                out.write(struct.pack("<IIII", START_S + seconds, microseconds, size, size) + octets)
                now_us += gap_us


def read_compiled(path: Path) -> dict[str, int]:
    """Read a capture as the compiled path does; its counts."""
    from capture_agent.agent.compiled_reading import walk_pcap
    from capture_agent.agent.hello_lines import HelloLines
    from capture_agent.agent.pure_reading import STEP_US
    from capture_agent.capture.files import open_capture
    from capture_agent.compiled.walk import Walker
    from capture_agent.flows.packet_path import PacketPath

    packets = PacketPath("flood")
    walker = Walker(packets, "flood", HelloLines("flood", with_skeleton=False), STEP_US, False)
    with open_capture(path) as capture, tempfile.TemporaryFile() as out:
        walk_pcap(capture, walker, out)
        walker.finish()
        out.write(walker.take_rows())
        rows = lines_in(out)
    counters = packets.table.counters
    evicted = walker.flows_evicted + counters.flows_evicted_full
    return {"rows": rows, "evicted": evicted, "given_up": counters.streams_evicted_bytes}


def read_pure(path: Path) -> dict[str, int]:
    """Read a capture as the pure path does; its counts."""
    from capture_agent.agent.hello_lines import HelloLines
    from capture_agent.agent.pure_reading import PureReader
    from capture_agent.capture.files import open_capture

    with open_capture(path) as capture, tempfile.TemporaryFile() as out:
        reader = PureReader(HelloLines("flood", with_skeleton=False), out)
        reader.read(capture)
        rows = lines_in(out)
    counters = reader.packets.table.counters
    return {
        "rows": rows,
        "opened": counters.flows_opened,
        "evicted": counters.flows_evicted_full,
        "given_up": counters.streams_evicted_bytes,
    }


def lines_in(file: object) -> int:
    """Lines of a file that was just written."""
    file.seek(0)  # type: ignore[attr-defined]
    return sum(1 for _ in file)  # type: ignore[attr-defined]


def peak_bytes() -> int:
    """The most resident memory that this process has had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def main() -> None:
    """Write each capture, have it read by a process of its own, print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--flows", type=int, default=1_000_000)
    parser.add_argument("--paths", default="compiled,pure")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--capture", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        started = time.process_time()
        read = read_compiled if options.child == "compiled" else read_pure
        counts = read(options.capture)
        cpu_s = round(time.process_time() - started, 2)
        print(json.dumps({**counts, "cpu_s": cpu_s, "peak_bytes": peak_bytes()}))
        return
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.kinds.split(","):
            capture = Path(folder) / f"{kind}.pcap"
            write_capture(kind, options.flows, capture)
            for path in options.paths.split(","):
                child = [sys.executable, __file__, "--child", path, "--capture", str(capture)]
                found = json.loads(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
                if options.json:
                    print(json.dumps({"kind": kind, "path": path, **found}), flush=True)
                else:
                    peak_mb = found.pop("peak_bytes") / 1e6
                    counts = "  ".join(f"{name} {value:,}" for name, value in found.items())
                    print(f"{kind:12} {path:9} peak {peak_mb:6.1f} MB  {counts}", flush=True)
            capture.unlink()


if __name__ == "__main__":
    main()
