"""Builds frames byte by byte from the RFC layouts, streams of real ClientHellos, and finds the recording."""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType

import pytest

CLIENT, SERVER = "198.51.100.7", "203.0.113.9"
CLIENT6, SERVER6 = "2001:db8::7", "2001:db8::9"
SYN_OPTIONS = bytes.fromhex("020405b4 0402080a 00000001 00000000 01 030307")


class FrameBuilder:
    """Headers as plain functions; each returns bytes and takes what it carries last."""

    client, server, client6, server6 = CLIENT, SERVER, CLIENT6, SERVER6
    syn_options = SYN_OPTIONS

    def tcp(
        self,
        payload: bytes = b"",
        *,
        sport: int = 40000,
        dport: int = 443,
        seq: int = 1000,
        ack: int = 0,
        flags: int = 0x18,
        window: int = 64240,
        options: bytes = b"",
    ) -> bytes:
        """TCP header (RFC 9293 section 3.1), checksum zero, and payload."""
        words = 5 + len(options) // 4
        header = struct.pack(
            ">HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, words << 4, flags, window, 0, 0
        )
        return header + options + payload

    def udp(self, payload: bytes, *, sport: int = 50000, dport: int = 443) -> bytes:
        """UDP header (RFC 768), checksum zero, and payload."""
        return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload

    def ipv4(
        self,
        payload: bytes,
        *,
        protocol: int = 6,
        src: str = CLIENT,
        dst: str = SERVER,
        ttl: int = 64,
        ident: int = 7,
        fragment: int = 0x4000,
        options: bytes = b"",
        total: int | None = None,
    ) -> bytes:
        """IPv4 header (RFC 791 section 3.1), checksum zero, and payload."""
        words = 5 + len(options) // 4
        size = words * 4 + len(payload) if total is None else total
        header = struct.pack(">BBHHHBBH", 0x40 | words, 0, size, ident, fragment, ttl, protocol, 0)
        return header + ip_address(src).packed + ip_address(dst).packed + options + payload

    def ipv6(
        self,
        payload: bytes,
        *,
        next_header: int = 6,
        src: str = CLIENT6,
        dst: str = SERVER6,
        hop_limit: int = 64,
        size: int | None = None,
    ) -> bytes:
        """IPv6 header (RFC 8200 section 3) and payload."""
        length = len(payload) if size is None else size
        header = struct.pack(">IHBB", 6 << 28, length, next_header, hop_limit)
        return header + ip_address(src).packed + ip_address(dst).packed + payload

    def ethernet(self, payload: bytes, ethertype: int = 0x0800) -> bytes:
        """Ethernet II header and payload."""
        return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02" + struct.pack(">H", ethertype) + payload

    def ethernet_for(self, packet: bytes) -> bytes:
        """Ethernet II header with the ethertype of an IPv4 or IPv6 packet, and the packet."""
        return self.ethernet(packet, 0x0800 if packet[0] >> 4 == 4 else 0x86DD)


@pytest.fixture(scope="session")
def build() -> FrameBuilder:
    """Builder of frames."""
    return FrameBuilder()


CLIENT_ISN, SERVER_ISN = 1_000, 0xFFFF_FF00
"""The server's numbers pass zero early."""
SYN, ACK, PSH, FIN = 0x02, 0x10, 0x08, 0x01


class CleartextWire:
    """One connection, as segments that a test may drop, cut or shuffle before they are read."""

    def __init__(self, build: FrameBuilder, port: int = 80, sport: int = 40_000) -> None:
        self._build = build
        self._ports = sport, port
        self._next = [CLIENT_ISN + 1, SERVER_ISN + 1]
        self.frames: list[bytes] = []
        self._segment(0, SYN, b"", CLIENT_ISN, 0)
        self._segment(1, SYN | ACK, b"", SERVER_ISN, CLIENT_ISN + 1)
        self._segment(0, ACK, b"")

    def client(self, *payloads: bytes) -> CleartextWire:
        for payload in payloads:
            self._segment(0, ACK | PSH, payload)
        return self

    def server(self, *payloads: bytes) -> CleartextWire:
        for payload in payloads:
            self._segment(1, ACK | PSH, payload)
        return self

    def ends(self) -> CleartextWire:
        self._segment(0, FIN | ACK, b"")
        self._segment(1, FIN | ACK, b"")
        return self

    def _segment(
        self, side: int, flags: int, payload: bytes, seq: int | None = None, ack: int | None = None
    ) -> None:
        sport, dport = self._ports if side == 0 else self._ports[::-1]
        ends = {"src": self._build.client, "dst": self._build.server}
        if side:
            ends = {"src": self._build.server, "dst": self._build.client}
        tcp = self._build.tcp(
            payload,
            sport=sport,
            dport=dport,
            seq=self._next[side] if seq is None else seq,
            ack=self._next[1 - side] if ack is None else ack,
            flags=flags,
            options=self._build.syn_options if flags & SYN else b"",
        )
        self.frames.append(self._build.ethernet(self._build.ipv4(tcp, **ends)))
        if seq is None:
            self._next[side] += len(payload)


@pytest.fixture(scope="session")
def wire(build: FrameBuilder) -> Callable[..., CleartextWire]:
    """Begins a connection on port 80, or that given."""
    return lambda **given: CleartextWire(build, **given)


@pytest.fixture(scope="session")
def hello_stream(project_root: Path) -> Callable[[str], bytes]:
    """TLS records of a real client's ClientHello, by the name of its vector."""

    def stream_of(client: str) -> bytes:
        vector = json.loads((project_root / "tests/vectors/client_hello" / f"{client}.json").read_text())
        return bytes.fromhex(vector["stream"])

    return stream_of


@pytest.fixture(scope="session")
def recording_dir(project_root: Path) -> Path:
    """The recording of real clients that ships with the project."""
    return project_root / "sample_traffic" / "recording"


CLONE_NEWNET = 0x40000000


@pytest.fixture
def own_network() -> Iterator[None]:
    """A network namespace for the test's thread, with loopback as on a real network: 1,500 octets a packet.

    Sockets, threads and processes that the test makes are in it. Skips, loudly, where that is not allowed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as before:
        if libc.unshare(CLONE_NEWNET) != 0:
            pytest.skip(
                f"NOT RUN, live capture is untested here: no network namespace of our own "
                f"({os.strerror(ctypes.get_errno())}); run the tests as root"
            )
        try:
            subprocess.run(["ip", "link", "set", "lo", "up", "mtu", "1500"], check=True)
            yield
        finally:
            if libc.setns(before.fileno(), CLONE_NEWNET) != 0:
                pytest.exit("the test's network namespace could not be left", returncode=3)


def module_at(path: Path) -> ModuleType:
    """A module of a folder that is no package: the fuzzer's and the benchmarks'."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def conversations(project_root: Path) -> ModuleType:
    """Random traffic of TLS connections."""
    return module_at(project_root / "tests" / "fuzz" / "conversations.py")


@pytest.fixture(scope="session")
def both_paths(project_root: Path) -> ModuleType:
    """The lines of `read` from the compiled path and from the reference."""
    pytest.importorskip(
        "capture_agent.compiled.walk", reason="the compiled modules are not built, so nothing was compared"
    )
    return module_at(project_root / "tests" / "fuzz" / "both_paths.py")


@pytest.fixture(scope="session")
def flood(project_root: Path) -> ModuleType:
    """Floods as bench/flood.py makes them."""
    return module_at(project_root / "bench" / "flood.py")
