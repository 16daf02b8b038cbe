"""What two hellos have in common and what only one has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import Enum

from soc_dashboard.decoded_hello import CodePoint, maybe_prefix
from soc_dashboard.hello_message import kept_lists, maybe_message
from soc_dashboard.registry import version_name
from soc_dashboard.store.rows import Fingerprint


class Side(Enum):
    """Where something stands. The sign says it without colour."""

    BOTH = "="
    FIRST = "A"
    SECOND = "B"
    DIFFERENT = "≠"
    MOVED = "⇅"


@dataclass(frozen=True, slots=True)
class Difference:
    """One line of the comparison; a value is None where the hello does not have it."""

    side: Side
    first: str | None
    second: str | None


@dataclass(frozen=True, slots=True)
class Section:
    """A list of the hello, or facts of one kind, line by line."""

    name: str
    lines: tuple[tuple[str, Difference], ...]
    """Name of the line, and what both hellos have there."""
    order: str = ""
    """Which order the lines have, where more than one is possible."""

    @property
    def differing(self) -> int:
        """Lines that are not the same."""
        return sum(line.side is not Side.BOTH for _, line in self.lines)


def compare(first: Fingerprint, second: Fingerprint) -> list[Section]:
    """Sections in the order of a hello; a list that is not known of either is left out.

    Lists are in wire order if the messages of both are kept, else as JA4_r sorts them, without groups.
    """
    return [
        Section("Names", tuple(_fact(name, a, b) for name, a, b in _names(first, second))),
        Section("Facts", tuple(_fact(name, a, b) for name, a, b in _facts(first, second))),
        Section("ALPN", _ordered(first.alpn, second.alpn), "in wire order"),
        *_lists(first, second),
    ]


def _lists(first: Fingerprint, second: Fingerprint) -> list[Section]:
    kept = [kept_lists(each.hello_skeleton, each.ja4_r) for each in (first, second)]
    is_wire_order = all(in_order for in_order, _ in kept)
    if not is_wire_order:
        kept = [kept_lists(None, each.ja4_r) for each in (first, second)]
    ours, theirs = ({each.name: each.codes for each in lists} for _, lists in kept)
    return [
        Section(name, _aligned(*codes), "in wire order" if is_wire_order else "as in JA4_r")
        for name in dict.fromkeys([*ours, *theirs])
        if any(codes := (ours.get(name, ()), theirs.get(name, ())))
    ]


def _names(first: Fingerprint, second: Fingerprint) -> list[tuple[str, str | None, str | None]]:
    return [
        ("Known client", first.known_client, second.known_client),
        ("JA4", first.ja4_stable, second.ja4_stable),
        ("JA4_o", first.ja4_o, second.ja4_o),
        ("JA3", _ja3(first), _ja3(second)),
    ]


def _ja3(fingerprint: Fingerprint) -> str | None:
    if fingerprint.ja3_hash is None or fingerprint.ja3_hashes < 2:
        return fingerprint.ja3_hash
    return f"{fingerprint.ja3_hash}, one of {fingerprint.ja3_hashes}"


def _facts(first: Fingerprint, second: Fingerprint) -> list[tuple[str, str | None, str | None]]:
    pair = (first, second)

    def both(name: str, values: Sequence[str | None]) -> tuple[str, str | None, str | None]:
        return (name, values[0], values[1])

    prefixes = [maybe_prefix(each.ja4_stable) for each in pair]
    return [
        both("Version", [version_name(each.tls_version) for each in pair]),
        both("Transport", [found.transport if found else None for found in prefixes]),
        both("SNI", [("sent" if found.sni_present else "not sent") if found else None for found in prefixes]),
        both("GREASE", [_claim(each.has_grease) for each in pair]),
        both("Encrypted hello (ECH)", [_claim(each.has_ech) for each in pair]),
        both("Message kept", [_claim(maybe_message(each.hello_skeleton) is not None) for each in pair]),
        both("Post-quantum group", [_claim(each.has_pq_group) for each in pair]),
        both("Bytes", [_count(each.hello_len) for each in pair]),
        both("TCP segments", [_count(each.segments) for each in pair]),
        both("TCP SYN", [each.tcp_signature for each in pair]),
    ]


def _claim(claim: bool | None) -> str | None:
    return None if claim is None else "yes" if claim else "no"


def _count(value: int | None) -> str | None:
    return None if value is None else str(value)


def _fact(name: str, first: str | None, second: str | None) -> tuple[str, Difference]:
    return name, Difference(Side.BOTH if first == second else Side.DIFFERENT, first, second)


def _ordered(first: Sequence[str], second: Sequence[str]) -> tuple[tuple[str, Difference], ...]:
    """Place by place: the order of ALPN is the client's preference."""
    length = max(len(first), len(second))
    return tuple(
        _fact(
            str(place + 1),
            first[place] if place < len(first) else None,
            second[place] if place < len(second) else None,
        )
        for place in range(length)
    )


def _aligned(first: Sequence[CodePoint], second: Sequence[CodePoint]) -> tuple[tuple[str, Difference], ...]:
    """Both lists in one, each in its order: what only one has, and what stands elsewhere in the other."""
    matcher = SequenceMatcher(
        None, [point.code for point in first], [point.code for point in second], autojunk=False
    )
    ours, theirs = _places(first, second), _places(second, first)
    lines = []
    for kind, start, stop, other_start, other_stop in matcher.get_opcodes():
        if kind == "equal":
            lines += [_line(point, Side.BOTH, _name(point), _name(point)) for point in first[start:stop]]
            continue
        for point in first[start:stop]:
            if point.code in theirs:
                here, there = (f"{_name(point)}, place {places[point.code]}" for places in (ours, theirs))
                lines.append(_line(point, Side.MOVED, here, there))
            else:
                lines.append(_line(point, Side.FIRST, _name(point), None))
        lines += [
            _line(point, Side.SECOND, None, _name(point))
            for point in second[other_start:other_stop]
            if point.code not in ours
        ]
    return tuple(lines)


def _places(codes: Sequence[CodePoint], others: Sequence[CodePoint]) -> dict[int, int]:
    """Where each code stands among those of both lists, from 1: what only one has moves no other."""
    shared = {point.code for point in others}
    order = dict.fromkeys(point.code for point in codes if point.code in shared)
    return {code: place for place, code in enumerate(order, 1)}


def _line(point: CodePoint, side: Side, first: str | None, second: str | None) -> tuple[str, Difference]:
    return point.hex, Difference(side, first, second)


def _name(point: CodePoint) -> str:
    return point.name or "not registered"
