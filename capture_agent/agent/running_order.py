"""Brings the frames of several captures into the order of their time."""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter

from capture_agent.wire.frame import Frame

_time_of = attrgetter("ts_us")


class FrameOrder:
    """Holds frames back until every capture has told what it saw up to their time.

    Each capture speaks several times a second, also when it sees nothing, so little is held for long. A
    single capture is in order by itself, and nothing of it is held.
    """

    def __init__(self, captures: int) -> None:
        self._seen_until_us: list[float] = [-1] * captures
        self._held: list[deque[Frame]] = [deque() for _ in range(captures)]

    @property
    def seen_until_us(self) -> int:
        """Time before which every capture has delivered all its frames; negative before each one spoke."""
        earliest = min(self._seen_until_us)
        return -1 if math.isinf(earliest) else int(earliest)

    def add(self, capture: int, frames: Iterable[Frame]) -> Iterable[Frame]:
        """Take the next frames of a capture in; gives those whose turn has come, in order."""
        if len(self._held) == 1:
            return frames
        held = self._held[capture]
        held.extend(frames)
        if held:
            self._seen_until_us[capture] = max(self._seen_until_us[capture], held[-1].ts_us)
        return self._released()

    def note_seen(self, capture: int, until_us: float) -> Iterable[Frame]:
        """A capture has delivered everything before `until_us`; infinity when it ended. As `add`."""
        self._seen_until_us[capture] = max(self._seen_until_us[capture], until_us)
        return self._released()

    def _released(self) -> Iterator[Frame]:
        until_us = min(self._seen_until_us)
        return heapq.merge(*[_taken_until(held, until_us) for held in self._held], key=_time_of)


def _taken_until(held: deque[Frame], until_us: float) -> Sequence[Frame]:
    taken: list[Frame] = []
    while held and held[0].ts_us <= until_us:
        taken.append(held.popleft())
    return taken
