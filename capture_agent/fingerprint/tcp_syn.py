"""A signature of the TCP SYN in the manner of p0f v3; format in docs/reference/tcp-signature.md."""

from __future__ import annotations

from dataclasses import dataclass

FLAG_PSH = 0x08
FLAG_ACK = 0x10
FLAG_URG = 0x20
FLAG_ECE = 0x40
FLAG_CWR = 0x80

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
_FIXED_HEADER_BYTES = {4: 40, 6: 60}
"""IP version -> IP and TCP header without options: what the MTU has over the MSS."""


@dataclass(frozen=True, slots=True)
class SynFacts:
    """What one SYN says about its sender's TCP stack. None: option absent, or no such field in IPv6."""

    ip_version: int
    ttl: int
    """TTL or hop limit as it arrived."""
    ip_options_bytes: int
    """IPv4 options; 0 for IPv6, whose extension headers are not counted."""
    ip_df: bool | None
    ip_id: int | None
    window: int
    """As sent, before scaling."""
    mss: int | None
    wscale: int | None
    option_kinds: tuple[int, ...]
    """Kinds in wire order; an end-of-list (0) closes it."""
    eol_padding_bytes: int
    """Bytes behind an end-of-list option."""
    payload_bytes: int
    quirks: tuple[str, ...]
    """p0f's names for oddities, in p0f's order."""

    @property
    def tcp_options(self) -> str:
        """Option kinds joined by `-`, as in the column of that name."""
        return "-".join(map(str, self.option_kinds))


@dataclass(frozen=True, slots=True)
class _Options:
    kinds: tuple[int, ...]
    mss: int | None
    wscale: int | None
    ts_value: int | None
    ts_echo: int | None
    padding: bytes
    is_bad: bool


def syn_facts(
    *,
    ip_version: int,
    ttl: int,
    ip_df: bool | None,
    ip_id: int | None,
    seq: int,
    ack: int,
    flags: int,
    window: int,
    options: bytes,
    payload_bytes: int = 0,
    urgent: int = 0,
    ip_options_bytes: int = 0,
    ip_ecn: int = 0,
    is_reserved_bit_set: bool = False,
    flow_label: int = 0,
) -> SynFacts:
    """Facts of one SYN from its header fields; `options` are the raw TCP options, broken ones included.

    `ip_ecn` is the two ECN bits, `is_reserved_bit_set` the must-be-zero bit of the IPv4 flags or any
    reserved bit of the TCP header.
    """
    read = _read_options(options)
    checks = (
        ("df", bool(ip_df)),
        ("id+", bool(ip_df and ip_id)),
        ("id-", ip_df is False and ip_id == 0),
        ("ecn", bool(ip_ecn or flags & (FLAG_ECE | FLAG_CWR))),
        ("0+", is_reserved_bit_set),
        ("flow", flow_label != 0),
        ("seq-", seq == 0),
        ("ack+", ack != 0 and not flags & FLAG_ACK),
        ("uptr+", urgent != 0 and not flags & FLAG_URG),
        ("urgf+", bool(flags & FLAG_URG)),
        ("pushf+", bool(flags & FLAG_PSH)),
        ("ts1-", read.ts_value == 0),
        ("ts2+", bool(read.ts_echo)),
        ("opt+", any(read.padding)),
        ("exws", read.wscale is not None and read.wscale > MAX_WSCALE),
        ("bad", read.is_bad),
    )
    return SynFacts(
        ip_version=ip_version,
        ttl=ttl,
        ip_options_bytes=ip_options_bytes,
        ip_df=ip_df,
        ip_id=ip_id,
        window=window,
        mss=read.mss,
        wscale=read.wscale,
        option_kinds=read.kinds,
        eol_padding_bytes=len(read.padding),
        payload_bytes=payload_bytes,
        quirks=tuple([name for name, holds in checks if holds]),
    )


def tcp_signature(syn: SynFacts) -> str:
    """`version:initial_ttl:ip_options:mss:window,scale:option_layout:quirks:payload_class`."""
    layout = ",".join(
        f"eol+{syn.eol_padding_bytes}" if kind == KIND_EOL else _KIND_NAMES.get(kind, f"?{kind}")
        for kind in syn.option_kinds
    )
    return (
        f"{syn.ip_version}:{initial_ttl(syn.ttl)}:{syn.ip_options_bytes}:{syn.mss or 0}"
        f":{_window_text(syn)},{syn.wscale or 0}:{layout}:{','.join(syn.quirks)}"
        f":{'+' if syn.payload_bytes else '0'}"
    )


def initial_ttl(ttl: int) -> int:
    """The usual start value from which a TTL was counted down: 32, 64, 128 or 255."""
    return next(start for start in _INITIAL_TTLS if ttl <= start)


def _window_text(syn: SynFacts) -> str:
    """The window as a multiple of MSS or MTU if it is one, because stacks compute it so."""
    window, mss = syn.window, syn.mss
    if window and mss:
        if window % mss == 0:
            return f"mss*{window // mss}"
        mtu = mss + _FIXED_HEADER_BYTES[syn.ip_version]
        if window % mtu == 0:
            return f"mtu*{window // mtu}"
    return str(window)


def _read_options(options: bytes) -> _Options:
    kinds: list[int] = []
    mss = wscale = ts_value = ts_echo = None
    padding = b""
    is_bad = False
    pos = 0
    while pos < len(options):
        kind = options[pos]
        kinds.append(kind)
        if kind == KIND_EOL:
            padding = options[pos + 1 :]
            break
        if kind == KIND_NOP:
            pos += 1
            continue
        size = options[pos + 1] if pos + 1 < len(options) else 0
        if size < 2 or pos + size > len(options) or _FIXED_SIZES.get(kind, size) != size:
            is_bad = True
            if size < 2 or pos + size > len(options):
                break
            pos += size
            continue
        body = options[pos + 2 : pos + size]
        if kind == KIND_MSS:
            mss = int.from_bytes(body, "big")
        elif kind == KIND_WSCALE:
            wscale = body[0]
        elif kind == KIND_TIMESTAMPS:
            ts_value = int.from_bytes(body[:4], "big")
            ts_echo = int.from_bytes(body[4:], "big")
        pos += size
    return _Options(tuple(kinds), mss, wscale, ts_value, ts_echo, padding, is_bad)
