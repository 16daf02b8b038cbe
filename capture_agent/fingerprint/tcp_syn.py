"""A signature of the TCP SYN in the manner of p0f v3; format in docs/reference/tcp-signature.md."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import msgspec

FLAG_PSH, FLAG_ACK, FLAG_URG, FLAG_ECE, FLAG_CWR = 0x08, 0x10, 0x20, 0x40, 0x80
KIND_EOL, KIND_NOP, KIND_MSS, KIND_WSCALE, KIND_SACK_OK, KIND_SACK, KIND_TIMESTAMPS = 0, 1, 2, 3, 4, 5, 8

MAX_WSCALE = 14
"""Largest shift that RFC 7323 section 2.3 allows."""

_KIND_NAMES = {
    KIND_NOP: "nop",
    KIND_MSS: "mss",
    KIND_WSCALE: "ws",
    KIND_SACK_OK: "sok",
    KIND_SACK: "sack",
    KIND_TIMESTAMPS: "ts",
}
_FIXED_SIZES = {KIND_MSS: 4, KIND_WSCALE: 3, KIND_SACK_OK: 2, KIND_TIMESTAMPS: 10}
_INITIAL_TTLS = (32, 64, 128, 255)
_HEADER_BYTES_V4 = 40
_HEADER_BYTES_V6 = 60


class SynFacts(msgspec.Struct, frozen=True, gc=False):
    """The client's SYN as sent. A msgspec struct, cheaper than a dataclass: a flood makes one per SYN."""

    ttl: int
    """TTL or hop limit as it arrived."""
    window: int
    """Window field, unscaled."""
    options_field: bytes
    """TCP options as sent, padding included."""
    ip_df: bool | None
    """Don't-fragment bit; None for IPv6."""
    ip_id: int | None
    """Identification of the IPv4 header; None for IPv6."""
    has_payload: bool
    """Data came with the SYN (TCP Fast Open)."""
    flags: int = 0x02
    seq: int | None = None
    """Initial sequence number; None if it was not kept."""
    ack: int | None = None

    @property
    def is_ipv6(self) -> bool:
        """The SYN came over IPv6, which has no don't-fragment bit."""
        return self.ip_df is None

    @property
    def option_kinds(self) -> tuple[int, ...]:
        """Option kinds in wire order; an end-of-list (0) closes them."""
        return read_options(self.options_field).kinds

    @property
    def tcp_options(self) -> str:
        """Option kinds joined by `-`, as in the column of that name."""
        return "-".join(map(str, self.option_kinds))

    @property
    def mss(self) -> int | None:
        """Maximum segment size offered; None without the option."""
        return read_options(self.options_field).mss

    @property
    def window_scale(self) -> int | None:
        """Window scale offered; None without the option."""
        return read_options(self.options_field).wscale


_ZERO, _NONZERO = bytes(4), b"\0\0\0\1"
_TIMESTAMPS_START = bytes((KIND_TIMESTAMPS, 10))


def syn_pattern(syn: SynFacts) -> SynFacts:
    """The SYN with what differs between connections of one client reduced to whether it is zero.

    That is the numbers, the identification and the timestamp values. The signature, the option kinds and
    their values other than timestamps are those of the SYN itself, so the pattern is a key to keep them by.
    """
    field = syn.options_field
    at = field.find(_TIMESTAMPS_START)
    if at >= 0 and not _leads_to_timestamps(field[:at]):
        at = _timestamps_offset(field)
    if at >= 0 and at + 10 <= len(field):
        value = _ZERO if field[at + 2 : at + 6] == _ZERO else _NONZERO
        echo = _ZERO if field[at + 6 : at + 10] == _ZERO else _NONZERO
        field = field[: at + 2] + value + echo + field[at + 10 :]
    return SynFacts(
        ttl=syn.ttl,
        window=syn.window,
        options_field=field,
        ip_df=syn.ip_df,
        ip_id=1 if syn.ip_id else syn.ip_id,
        has_payload=syn.has_payload,
        flags=syn.flags,
        seq=1 if syn.seq else syn.seq,
        ack=1 if syn.ack else syn.ack,
    )


@lru_cache(maxsize=1024)
def _leads_to_timestamps(options_before: bytes) -> bool:
    """Whether timestamps behind these options are an option of their own and not inside another one."""
    return _timestamps_offset(options_before + _TIMESTAMPS_START + _ZERO + _ZERO) == len(options_before)


def _timestamps_offset(field: bytes) -> int:
    """Place of the first well-formed timestamps option, or -1."""
    at, size = 0, len(field)
    while at + 1 < size:
        kind = field[at]
        if kind == KIND_NOP:
            at += 1
            continue
        if kind == KIND_TIMESTAMPS and field[at + 1] == 10 and at + 10 <= size:
            return at
        if kind == KIND_EOL or field[at + 1] < 2:
            break
        at += field[at + 1]
    return -1


@dataclass(frozen=True, slots=True)
class TcpOptions:
    """What the options field of a SYN holds. None: the option is absent or has the wrong size."""

    kinds: tuple[int, ...]
    mss: int | None
    wscale: int | None
    ts_value: int | None
    ts_echo: int | None
    padding: bytes
    """What follows an end-of-list option."""
    is_bad: bool
    """An option has a wrong size, or runs over the end and hides the rest."""


def tcp_signature(syn: SynFacts) -> str:
    """`version:initial_ttl:mss:window,scale:option_layout:quirks:payload_class`."""
    options = read_options(syn.options_field)
    layout = ",".join(
        f"eol+{len(options.padding)}" if kind == KIND_EOL else _KIND_NAMES.get(kind, f"?{kind}")
        for kind in options.kinds
    )
    return (
        f"{6 if syn.is_ipv6 else 4}:{initial_ttl(syn.ttl)}:{options.mss or 0}"
        f":{_window_text(syn, options.mss)},{options.wscale or 0}:{layout}:{','.join(_quirks(syn, options))}"
        f":{'+' if syn.has_payload else '0'}"
    )


def initial_ttl(ttl: int) -> int:
    """The usual start value from which a TTL was counted down: 32, 64, 128 or 255."""
    return next(start for start in _INITIAL_TTLS if ttl <= start)


def _quirks(syn: SynFacts, options: TcpOptions) -> list[str]:
    flags = syn.flags
    checks = (
        ("df", bool(syn.ip_df)),
        ("id+", bool(syn.ip_df and syn.ip_id)),
        ("id-", syn.ip_df is False and syn.ip_id == 0),
        ("ecn", bool(flags & (FLAG_ECE | FLAG_CWR))),
        ("seq-", syn.seq == 0),
        ("ack+", bool(syn.ack) and not flags & FLAG_ACK),
        ("urgf+", bool(flags & FLAG_URG)),
        ("pushf+", bool(flags & FLAG_PSH)),
        ("ts1-", options.ts_value == 0),
        ("ts2+", bool(options.ts_echo)),
        ("opt+", any(options.padding)),
        ("exws", options.wscale is not None and options.wscale > MAX_WSCALE),
        ("bad", options.is_bad),
    )
    return [name for name, holds in checks if holds]


def _window_text(syn: SynFacts, mss: int | None) -> str:
    """The window as a multiple of MSS or MTU if it is one, because stacks compute it so."""
    window = syn.window
    if window and mss:
        if window % mss == 0:
            return f"mss*{window // mss}"
        mtu = mss + (_HEADER_BYTES_V6 if syn.is_ipv6 else _HEADER_BYTES_V4)
        if window % mtu == 0:
            return f"mtu*{window // mtu}"
    return str(window)


def read_options(field: bytes) -> TcpOptions:
    """Walk a TCP options field (RFC 9293 section 3.1) as far as its lengths can be followed; never raises."""
    kinds: list[int] = []
    bodies: dict[int, bytes] = {}
    padding = b""
    is_bad = False
    pos = 0
    while pos < len(field):
        kind = field[pos]
        kinds.append(kind)
        if kind == KIND_EOL:
            padding = field[pos + 1 :]
            break
        if kind == KIND_NOP:
            pos += 1
            continue
        size = field[pos + 1] if pos + 1 < len(field) else 0
        if size < 2 or pos + size > len(field):
            is_bad = True
            break
        if _FIXED_SIZES.get(kind, size) == size:
            bodies.setdefault(kind, field[pos + 2 : pos + size])
        else:
            is_bad = True
        pos += size
    timestamps = bodies.get(KIND_TIMESTAMPS)
    return TcpOptions(
        kinds=tuple(kinds),
        mss=_maybe_uint(bodies.get(KIND_MSS)),
        wscale=_maybe_uint(bodies.get(KIND_WSCALE)),
        ts_value=None if timestamps is None else int.from_bytes(timestamps[:4], "big"),
        ts_echo=None if timestamps is None else int.from_bytes(timestamps[4:], "big"),
        padding=padding,
        is_bad=is_bad,
    )


def _maybe_uint(body: bytes | None) -> int | None:
    return None if body is None else int.from_bytes(body, "big")
