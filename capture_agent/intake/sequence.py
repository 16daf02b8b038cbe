"""Counts events that were lost on their way, from the numbers that their source gives them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

MAX_SOURCES = 4_096
"""Sources remembered at once: an Apache has one for each child process, also those that have ended."""
MAX_SOURCE_CHARS = 128
RESTART_DISTANCE = 1_000
"""A number this far below the expected one means that the source began to count anew."""
MAX_GAP = 1 << 32
"""A larger leap is no loss: at 100,000 events/s it would take half a day. The source counts otherwise."""
REPEATED = -1


class SequenceGaps:
    """Remembers the next number of each source. One source sends in order; sources may interleave."""

    def __init__(self) -> None:
        self._expected: OrderedDict[str, int] = OrderedDict()
        self._resumed: dict[str, int] = {}

    def resume(self, expected: Mapping[str, int]) -> None:
        """Go on with the next numbers that an earlier run of the agent expected."""
        self._resumed = dict(expected)

    def expected(self) -> dict[str, int]:
        """The next number of each source, also of those that have been silent since the start."""
        return {**self._resumed, **self._expected}

    def lost_before(self, source_id: str, number: int) -> int:
        """How many events of this source are missing between its last one and `number`.

        0 for the first event of a source that no run knew: what came before it is unknown. REPEATED for a
        number that was passed already.
        """
        source_id = source_id[:MAX_SOURCE_CHARS]
        expected = self._expected.pop(source_id, None)
        if expected is None:
            # A lower number than that of the run before is no repetition: the source has begun anew.
            expected = min(self._resumed.pop(source_id, number), number)
        distance = number - expected
        if distance < -RESTART_DISTANCE or distance > MAX_GAP:
            expected, distance = number, 0
        self._expected[source_id] = max(number + 1, expected)
        if len(self._expected) > MAX_SOURCES:
            self._expected.popitem(last=False)
        return distance if distance >= 0 else REPEATED
