"""From the lab's clock to the recording's: pauses get the length that they were meant to have. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pause:
    """A client waited from `start_us` to `end_us`, which stands for `meant_us`."""

    start_us: int
    end_us: int
    meant_us: int


def read_pauses(text: str) -> list[Pause]:
    """The lines that `pauses.pause` wrote, in order."""
    return sorted(
        (Pause(*map(int, line.split())) for line in text.splitlines()), key=lambda one: one.start_us
    )


class Timeline:
    """Moves one client's times. Monotone: inside a pause time runs faster, outside as it did."""

    def __init__(self, started_us: int, pauses: Sequence[Pause], ended_us: int) -> None:
        self._started_us = started_us
        self._starts = [one.start_us for one in pauses]
        self._pauses = pauses
        self._longer_us = [0]
        for one in pauses:
            # A pause that took longer than it was meant to, on a busy machine, is left as it was.
            more = max(0, one.meant_us - (one.end_us - one.start_us))
            self._longer_us.append(self._longer_us[-1] + more)
        self.length_us = self.since_start_us(ended_us)

    def since_start_us(self, at_us: int) -> int:
        """Time since the client's start, in the recording, of a moment in the lab."""
        number = bisect_right(self._starts, at_us)
        if not number:
            return at_us - self._started_us
        last = self._pauses[number - 1]
        more_us = self._longer_us[number] - self._longer_us[number - 1]
        if at_us < last.end_us and more_us:
            more_us = more_us * (at_us - last.start_us) // (last.end_us - last.start_us)
        return at_us - self._started_us + self._longer_us[number - 1] + more_us
