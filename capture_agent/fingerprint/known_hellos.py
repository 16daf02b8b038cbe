"""Recognises hellos that differ from an earlier one in their noise only, without parsing them.

All types and lengths of a hello stay in its skeleton. So a message that equals an earlier one wherever that
one was not blanked has the same structure, and with it the same skeleton and the same fingerprints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from capture_agent.events import Transport
from capture_agent.fingerprint.skeleton import Range
from capture_agent.wire.client_hello import SESSION_ID_OFFSET

MAX_GROUPS = 256
MAX_IN_GROUP = 4
"""Hellos of one group: a client that permutes its extensions would fill any number, and never match."""
MAX_MISSES = 16
"""After as many new hellos of a group without one that was known only every further sixteenth is kept."""
MAX_HELLO_BYTES = 4096
"""Longer hellos are not kept. With the limits above: 10 MB at most, also when every hello is new."""

ValueT = TypeVar("ValueT")
_Kept = tuple[tuple[int, int, bytes], ...]
_GroupKey = tuple[Transport, int, bytes]


@dataclass(slots=True)
class _Group(Generic[ValueT]):
    known: list[tuple[_Kept, ValueT]]
    misses: int = 0
    """Messages since the last that was known."""


class KnownHellos(Generic[ValueT]):
    """Message -> value; the hellos seen last, by their length and cipher suites."""

    def __init__(self) -> None:
        self._groups: dict[_GroupKey, _Group[ValueT]] = {}

    def maybe_find(self, message: bytes, transport: Transport) -> ValueT | None:
        """What was added with a message that differs from this one in its noise only."""
        group = self._groups.get(_group_key(message, transport))
        if group is not None:
            for kept, value in group.known:
                for start, stop, octets in kept:
                    if message[start:stop] != octets:
                        break
                else:
                    group.misses = 0
                    return value
            group.misses += 1
        return None

    def is_worth_adding(self, message: bytes, transport: Transport) -> bool:
        """Whether a message that was not found should be added: not, usually, if its like never was."""
        group = self._groups.get(_group_key(message, transport))
        return len(message) <= MAX_HELLO_BYTES and (
            group is None or group.misses <= MAX_MISSES or group.misses % MAX_MISSES == 0
        )

    def add(self, message: bytes, transport: Transport, noise: list[Range], value: ValueT) -> None:
        """Remember `value` for all messages that differ from this one inside `noise` only."""
        key = _group_key(message, transport)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) >= MAX_GROUPS:
                # Oldest first: a dict keeps the order of insertion.
                del self._groups[next(iter(self._groups))]
            group = self._groups[key] = _Group([])
        elif len(group.known) >= MAX_IN_GROUP:
            del group.known[0]
        starts = [0, *[stop for _, stop in noise]]
        stops = [*[start for start, _ in noise], len(message)]
        group.known.append(
            (tuple([(a, b, message[a:b]) for a, b in zip(starts, stops, strict=True) if a < b]), value)
        )


def _group_key(message: bytes, transport: Transport) -> _GroupKey:
    """Length and cipher suites but the first, where permuting clients have a reserved value that changes.

    Of a message that is no hello the key is as good as any: nothing was added under it.
    """
    suites = SESSION_ID_OFFSET + 1 + (message[SESSION_ID_OFFSET] if len(message) > SESSION_ID_OFFSET else 0)
    size = int.from_bytes(message[suites : suites + 2], "big")
    return transport, len(message), message[suites + 4 : suites + 2 + size]
