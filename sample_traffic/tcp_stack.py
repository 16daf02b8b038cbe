"""How operating systems open a TCP connection: the SYN's TTL, window and options.

`LINUX` repeats the recorded SYNs. The others were not recorded: they follow what these systems are
documented to send, so that a browser said to run on Windows or an iPhone does not arrive with Linux's SYN.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

_MSS, _WINDOW_SCALE, _SACK_PERMITTED, _TIMESTAMPS = 2, 3, 4, 8
_NOP, _END = 1, 0
_TIMESTAMPS_LENGTH = 12
"""Two NOPs and the timestamps option, on each segment after the SYN."""


@dataclass(frozen=True, slots=True)
class TcpStack:
    """The parts of a SYN that depend on the operating system."""

    name: str
    initial_ttl: int
    window: int
    option_kinds: tuple[int, ...]
    window_scale: int
    has_ip_id: bool
    """False: the identification field is zero (Apple's systems on DF packets)."""

    @property
    def has_timestamps(self) -> bool:
        """Whether each segment carries RFC 7323 timestamps."""
        return _TIMESTAMPS in self.option_kinds

    def syn_options(self, mss: int, ts_val: int, ts_ecr: int = 0) -> bytes:
        """Options of the SYN in this system's order; `ts_ecr` is for a SYN-ACK."""
        parts = []
        for kind in self.option_kinds:
            if kind == _MSS:
                parts.append(struct.pack(">BBH", _MSS, 4, mss))
            elif kind == _WINDOW_SCALE:
                parts.append(bytes((_WINDOW_SCALE, 3, self.window_scale)))
            elif kind == _SACK_PERMITTED:
                parts.append(bytes((_SACK_PERMITTED, 2)))
            elif kind == _TIMESTAMPS:
                parts.append(struct.pack(">BBII", _TIMESTAMPS, 10, ts_val, ts_ecr))
            else:
                parts.append(bytes((kind,)))
        options = b"".join(parts)
        return options + bytes(-len(options) % 4)

    def segment_options(self, ts_val: int, ts_ecr: int) -> bytes:
        """Options of any later segment."""
        if not self.has_timestamps:
            return b""
        return struct.pack(">BBBBII", _NOP, _NOP, _TIMESTAMPS, 10, ts_val, ts_ecr)

    def largest_payload(self, mss: int) -> int:
        """Bytes of payload that fit a segment: the options are taken off the MSS (RFC 6691)."""
        return mss - (_TIMESTAMPS_LENGTH if self.has_timestamps else 0)


LINUX = TcpStack(
    name="linux",
    initial_ttl=64,
    window=64240,
    option_kinds=(_MSS, _SACK_PERMITTED, _TIMESTAMPS, _NOP, _WINDOW_SCALE),
    window_scale=10,
    has_ip_id=True,
)
LINUX_ANSWERING_WITHOUT_TIMESTAMPS = TcpStack(
    name="linux",
    initial_ttl=64,
    window=64240,
    option_kinds=(_MSS, _NOP, _NOP, _SACK_PERMITTED, _NOP, _WINDOW_SCALE),
    window_scale=10,
    has_ip_id=True,
)
"""A Linux server offers timestamps only to a client that did."""
ANDROID = TcpStack(
    name="android",
    initial_ttl=64,
    window=65535,
    option_kinds=(_MSS, _SACK_PERMITTED, _TIMESTAMPS, _NOP, _WINDOW_SCALE),
    window_scale=9,
    has_ip_id=True,
)
WINDOWS = TcpStack(
    name="windows",
    initial_ttl=128,
    window=64240,
    option_kinds=(_MSS, _NOP, _WINDOW_SCALE, _NOP, _NOP, _SACK_PERMITTED),
    window_scale=8,
    has_ip_id=True,
)
APPLE = TcpStack(
    name="apple",
    initial_ttl=64,
    window=65535,
    option_kinds=(_MSS, _NOP, _WINDOW_SCALE, _NOP, _NOP, _TIMESTAMPS, _SACK_PERMITTED, _END),
    window_scale=6,
    has_ip_id=False,
)


def linux_with(window: int, options: bytes) -> TcpStack:
    """Linux with the window and options of a SYN that was seen; programs can set them for themselves."""
    kinds, scale, at = [], 0, 0
    while at < len(options):
        kind = options[at]
        kinds.append(kind)
        if kind == _WINDOW_SCALE:
            scale = options[at + 2]
        at += 1 if kind in (_NOP, _END) else max(2, options[at + 1])
    return replace(LINUX, window=window, window_scale=scale, option_kinds=tuple(kinds))
