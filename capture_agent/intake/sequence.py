"""Counts events that were lost on their way, from the numbers that their source gives them."""

from __future__ import annotations

from collections import OrderedDict

MAX_SOURCES = 4_096
"""Sources remembered at once: an Apache has one for each child process, also those that have ended."""
RESTART_DISTANCE = 1_000
"""A number this far below the expected one means that the source began to count anew."""


class SequenceGaps:
    """Remembers the next number of each source. One source sends in order; sources may interleave."""

    def __init__(self) -> None:
        self._expected: OrderedDict[str, int] = OrderedDict()

    def lost_before(self, source_id: str, number: int) -> int:
        """How many events of this source are missing between its last one and `number`.

        0 for the first event of a source: what came before it is unknown. A repeated or slightly late
        number counts nothing.
        """
        expected = self._expected.pop(source_id, None)
        has_restarted = expected is not None and number < expected - RESTART_DISTANCE
        if expected is None or has_restarted:
            lost, following = 0, number + 1
        else:
            lost, following = max(number - expected, 0), max(number + 1, expected)
        self._expected[source_id] = following
        if len(self._expected) > MAX_SOURCES:
            self._expected.popitem(last=False)
        return lost
