"""Feeds mutated real input to every parser: a value, need-more or `Malformed`, nothing else, and soon.

    python tests/fuzz/parsers.py --executions 1000000 [--seed 1] [--entry frames] [--path compiled]

Deterministic for a seed. On a failure it prints the entry, the input in hex and the traceback, and exits 1.
The executions are shared out equally among the entries.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from packet_entries import packet_entries

from capture_agent.compiled import is_active
from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import hello_facts, salvaged_facts, sslv2_facts
from capture_agent.fingerprint.tcp_syn import SynFacts, tcp_signature
from capture_agent.flows.packet_path import PacketPath
from capture_agent.wire.dtls import DtlsHelloAssembler
from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import frame_of
from capture_agent.wire.hello_message import MAX_HELLO_BYTES
from capture_agent.wire.quic import InitialAssembler
from capture_agent.wire.quic_packet import crypto_frames
from capture_agent.wire.tls_record import ClientHelloReader

VECTORS = Path(__file__).parents[1] / "vectors" / "client_hello"
SLOWEST_S = 2.0
"""An execution that takes more processor time counts as a hang; the usual one takes under a millisecond."""
EDGE_BYTES = (0x00, 0x01, 0x02, 0x03, 0x16, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFE, 0xFF)
ETHERNET = 1

SSLV2 = bytes.fromhex("801f010301000600000010" + "01008000002f" + "5a" * 16)
SYN_OPTIONS = bytes.fromhex("020405b40402080a00000001000000000103030a")


@dataclass(frozen=True)
class Entry:
    """One way in: what it is fed from, and the call."""

    seeds: list[bytes]
    run: Callable[[bytes, random.Random], object]


def mutated(seeds: list[bytes], rng: random.Random) -> bytes:
    """One seed with up to four changes, most of them near its start, where the lengths are."""
    octets = bytearray(rng.choice(seeds))
    for _ in range(rng.randint(0, 4)):
        size = len(octets)
        at = rng.randrange(size + 1)
        if rng.random() < 0.7:
            at = min(int(rng.expovariate(1 / 60)), size)
        kind = rng.randrange(7)
        if kind == 0 and at < size:
            octets[at] = rng.choice(EDGE_BYTES)
        elif kind == 1 and at < size:
            octets[at] ^= 1 << rng.randrange(8)
        elif kind == 2:
            octets[at:at] = rng.randbytes(rng.randint(1, 8))
        elif kind == 3:
            del octets[at : at + rng.randint(1, 40)]
        elif kind == 4:
            del octets[at:]
        elif kind == 5:
            octets[at:at] = octets[at : at + rng.randint(1, 200)]
        else:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            octets[at : at + 40] = other[start : start + rng.randint(1, 80)]
    return bytes(octets)


def read_stream(octets: bytes, rng: random.Random) -> None:
    """The record reader over random cuts, fed on after a hello."""
    reader = ClientHelloReader()
    pos = 0
    while pos <= len(octets) and not reader.is_done:
        size = rng.choice((1, 5, 100, 1400, len(octets) + 1))
        reader.feed(octets[pos : pos + size])
        pos += size
        if reader.buffered_bytes > MAX_HELLO_BYTES + 4 + size + 5:
            raise AssertionError("the reader holds more than its bound")


def read_hello(octets: bytes, rng: random.Random) -> None:
    """The message parser, mostly with the outer length put right so that the inner ones are reached."""
    if rng.random() < 0.8:
        octets = b"\x01" + (len(octets[4:])).to_bytes(3, "big") + octets[4:]
    hello_facts(octets, rng.choice((Transport.TCP, Transport.TCP, Transport.QUIC, Transport.DTLS)))


def compare_hello(octets: bytes, rng: random.Random) -> None:
    """The compiled message parser against the reference: the same facts or the same error."""
    from capture_agent.compiled.facts import hello_facts as compiled_hello_facts

    if rng.random() < 0.8:
        octets = b"\x01" + (len(octets[4:])).to_bytes(3, "big") + octets[4:]
    transport = rng.choice((Transport.TCP, Transport.QUIC))
    outcomes = []
    for read in (hello_facts, compiled_hello_facts):
        try:
            outcomes.append(read(octets, transport))
        except Malformed as error:
            outcomes.append((error.reason, error.offset))
    if outcomes[0] != outcomes[1]:
        raise AssertionError(f"reference {outcomes[0]}, compiled {outcomes[1]}")


def read_datagrams(
    assembler: InitialAssembler | DtlsHelloAssembler, octets: bytes, rng: random.Random
) -> None:
    """One or two datagrams, also as the second half of a flow that began well."""
    cut = rng.randrange(len(octets) + 1) if rng.random() < 0.3 else len(octets)
    assembler.feed(octets[:cut])
    assembler.feed(octets[cut:])


def read_syn(octets: bytes, rng: random.Random) -> None:
    """The signature of a SYN with these options."""
    tcp_signature(SynFacts(rng.randrange(256), rng.randrange(65536), octets[:40], True, 1, has_payload=False))


class Frames:
    """The whole path from frames to events, its flow table kept between executions."""

    def __init__(self) -> None:
        self.path = PacketPath("fuzz")
        self.now_us = 0

    def feed(self, octets: bytes, rng: random.Random) -> None:
        """One frame, sometimes with time passing."""
        self.now_us += rng.choice((1, 1, 1, 50_000, 90_000_000))
        self.path.feed(frame_of(octets, self.now_us, rng.choice((ETHERNET,) * 8 + (0, 101, 108, 113, 276))))
        self.path.advance(self.now_us)


def ipv4_frame(protocol: int, segment: bytes) -> bytes:
    """Ethernet and IPv4 around a segment."""
    client, server = bytes((198, 51, 100, 7)), bytes((203, 0, 113, 9))
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 7, 0x4000, 64, protocol, 0, client, server
    )
    return bytes(12) + b"\x08\x00" + header + segment


def tcp_frame(payload: bytes, port: int, seq: int, flags: int) -> bytes:
    """A segment to port 443."""
    return ipv4_frame(6, struct.pack(">HHIIBBHHH", port, 443, seq, 0, 5 << 4, flags, 64240, 0, 0) + payload)


def udp_frame(payload: bytes, port: int) -> bytes:
    """A datagram to port 443."""
    return ipv4_frame(17, struct.pack(">HHHH", port, 443, 8 + len(payload), 0) + payload)


def dtls_datagram(message: bytes) -> bytes:
    """A TLS hello's body, with an empty cookie, as one DTLS record."""
    cookie_at = 38 + 1 + message[38]
    body = message[4:cookie_at] + b"\0" + message[cookie_at:]
    size = len(body).to_bytes(3, "big")
    fragment = b"\x01" + size + bytes(5) + size + body
    return b"\x16\xfe\xfd" + bytes(8) + len(fragment).to_bytes(2, "big") + fragment


def entries() -> dict[str, Entry]:
    """Every parser by name."""
    cases = [json.loads(path.read_text()) for path in sorted(VECTORS.glob("*.json"))]
    streams = [bytes.fromhex(case["stream"]) for case in cases if "stream" in case]
    datagrams = [bytes.fromhex(text) for case in cases for text in case.get("datagrams", ())]
    messages = [stream[5:] for stream in streams]
    dtls = [dtls_datagram(message) for message in messages]
    plaintexts = [
        b"\x06\x00" + (len(message) | 0x4000).to_bytes(2, "big") + message + b"\x01\x02\x00\x00\x00\x00"
        for message in messages
    ]
    frames = Frames()
    frame_seeds = [tcp_frame(b"", 40000 + i, 999, 2) for i in range(len(streams))]
    frame_seeds += [tcp_frame(stream, 40000 + i, 1000, 0x18) for i, stream in enumerate(streams)]
    frame_seeds += [udp_frame(datagram, 50000 + i) for i, datagram in enumerate(datagrams + dtls)]
    compiled = {"compiled hello": Entry(messages, compare_hello)} if is_active() else {}
    return (
        compiled
        | {
            "hello": Entry(messages, read_hello),
            "salvage": Entry(
                messages, lambda octets, rng: salvaged_facts(octets, rng.choice(list(Transport)))
            ),
            "records": Entry([*streams, SSLV2], read_stream),
            "sslv2": Entry([SSLV2[2:]], lambda octets, _: sslv2_facts(octets)),
            "quic": Entry(datagrams, lambda octets, rng: read_datagrams(InitialAssembler(), octets, rng)),
            "quic frames": Entry(plaintexts, lambda octets, _: list(crypto_frames(octets))),
            "dtls": Entry(dtls, lambda octets, rng: read_datagrams(DtlsHelloAssembler(), octets, rng)),
            "syn": Entry([SYN_OPTIONS], read_syn),
            "frames": Entry(frame_seeds, frames.feed),
        }
        | {name: Entry(*entry) for name, entry in packet_entries().items()}
    )


def fuzz(name: str, entry: Entry, executions: int, rng: random.Random) -> tuple[int, float]:
    """Run one entry; return how many inputs were malformed and the slowest execution in seconds."""
    malformed, slowest = 0, 0.0
    for _ in range(executions):
        octets = mutated(entry.seeds, rng)
        started = time.process_time()
        try:
            entry.run(octets, rng)
        except Malformed:
            malformed += 1
        except Exception:  # noqa: BLE001 - any other exception is the finding
            print(f"{name}: {octets.hex()}\n{traceback.format_exc()}")
            sys.exit(1)
        took = time.process_time() - started
        if took > SLOWEST_S:
            print(f"{name}: {took:.1f} s for {octets.hex()}")
            sys.exit(1)
        slowest = max(slowest, took)
    return malformed, slowest


def main() -> None:
    """Run the entries and print one line each."""
    every = entries()
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--entry", choices=sorted(every), action="append")
    parser.add_argument("--path", choices=["compiled", "reference"], help="only the entries of one path")
    options = parser.parse_args()
    chosen = options.entry or [
        name
        for name in every
        if options.path is None or name.startswith("compiled") == (options.path == "compiled")
    ]
    share = -(-options.executions // len(chosen))
    for name in chosen:
        malformed, slowest = fuzz(name, every[name], share, random.Random(f"{options.seed} {name}"))
        print(f"{name:21} {share:9,} executions {malformed:9,} malformed, slowest {slowest * 1000:.1f} ms")


if __name__ == "__main__":
    main()
