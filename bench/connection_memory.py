"""Memory that open connections take: the growth of a fresh process.

    python bench/connection_memory.py [--rounds 3] [--connections 100000]

`correlator` remembers an epoch and the facts of its hello. `pipeline, in use` was fed the SYN, the ACK, the
ClientHello and the client's end of the handshake of each connection, and has the flow table's share as well;
`pipeline, hello only` lacks that end, so that a second hello may still come. Each connection has a JA3 of its
own, as Chrome's permutation of extensions gives it; there are 1,000 client addresses.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import struct
import subprocess
import sys
from pathlib import Path

from correlate import BEGIN_US, key_of, watched

from capture_agent.correlate.epochs import ConnectionKey
from capture_agent.pipeline import Pipeline, PipelineSettings
from capture_agent.wire.frame import Frame

END_OF_HANDSHAKE = bytes.fromhex("140303000101" + "1703030035") + bytes(0x35)
"""ChangeCipherSpec and the encrypted Finished of TLS 1.3 (RFC 8446, appendix D.4)."""
SUPPORTED_GROUPS = bytes.fromhex("000a00")
"""Type of the extension (RFC 8446 section 4.2.7) and the first byte of its length."""
GROUPS_AT = 6
"""From the type to the first group: type, length, length of the list."""


def resident_bytes() -> int:
    """Memory of this process that is in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grow_correlator(connections: int) -> tuple[object, int]:
    """Open epochs with a hello each."""
    gc.collect()
    before = resident_bytes()
    correlator = watched(connections)
    return correlator, resident_bytes() - before


def grow_pipeline(connections: int) -> tuple[object, int]:
    """Frames of so many connections that stay open after their handshake."""
    return fed_pipeline(connections, (END_OF_HANDSHAKE,))


def grow_pipeline_hello_only(connections: int) -> tuple[object, int]:
    """Frames of so many connections that sent their ClientHello and nothing since."""
    return fed_pipeline(connections, ())


def fed_pipeline(connections: int, after_hello: tuple[bytes, ...]) -> tuple[object, int]:
    """A pipeline that saw the connections open, and what it grew by."""
    vector = Path(__file__).parent.parent / "tests/vectors/client_hello/curl-h2.json"
    hello = bytes.fromhex(json.loads(vector.read_text())["stream"])
    pipeline = Pipeline(PipelineSettings("bench", 1))
    gc.collect()
    before = resident_bytes()
    rows = 0
    for connection in range(connections):
        key, at_us = key_of(connection), BEGIN_US + connection * 100
        payloads = (with_own_ja3(hello, connection), *after_hello)
        segments = [(0x02, 1_000, b""), (0x10, 1_001, b"")]
        seq = 1_001
        for payload in payloads:
            segments.append((0x18, seq, payload))
            seq += len(payload)
        for step, (flags, at_seq, payload) in enumerate(segments):
            rows += len(pipeline.feed(tcp_frame(at_us + 20 * step, key, flags, at_seq, payload)))
    if rows < connections:
        raise RuntimeError(f"{rows} hellos were found of {connections}")
    return pipeline, resident_bytes() - before


def with_own_ja3(hello: bytes, number: int) -> bytes:
    """The hello with three groups that no other connection offers in this place: they are no part of JA4."""
    at = hello.index(SUPPORTED_GROUPS) + GROUPS_AT
    groups = (0x100 | number & 63, 0x200 | number >> 6 & 63, 0x300 | number >> 12)
    return hello[:at] + struct.pack(">HHH", *groups) + hello[at + 6 :]


def tcp_frame(ts_us: int, key: ConnectionKey, flags: int, seq: int, payload: bytes) -> Frame:
    """Ethernet, IPv4 and TCP (RFC 791, RFC 9293) without checksums."""
    tcp = struct.pack(">HHIIBBHHH", key.src_port, 443, seq, 1, 0x50, flags, 64_240, 0, 0) + payload
    ip = (
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 7, 0x4000, 64, 6, 0)
        + key.src_ip[12:]
        + key.dst_ip[12:]
    )
    data = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0" + ip + tcp
    return Frame(ts_us, 1, data, 0, len(data), len(data))


GROW = {
    "correlator": grow_correlator,
    "pipeline, in use": grow_pipeline,
    "pipeline, hello only": grow_pipeline_hello_only,
}


def main() -> None:
    """Print the table; each figure is from a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=100_000)
    parser.add_argument("--grow", choices=GROW, help=argparse.SUPPRESS)
    options = parser.parse_args()
    connections, rounds = options.connections, options.rounds
    if options.grow:
        kept, grown = GROW[options.grow](connections)
        print(grown)
        del kept
        return
    print(f"memory of {connections:,} open connections, median of {rounds} processes")
    print(f"{'':24}{'MB':>10}{'bytes each':>14}")
    for name in GROW:
        sizes = []
        for _ in range(rounds):
            command = [sys.executable, __file__, "--grow", name, "--connections", str(connections)]
            sizes.append(int(subprocess.run(command, capture_output=True, check=True).stdout))
        middle = statistics.median(sizes)
        print(f"{name:24}{middle / 1e6:10,.0f}{middle / connections:14,.0f}")


if __name__ == "__main__":
    main()
