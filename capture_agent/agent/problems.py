"""Messages to the operator, and how many of them were about input that could not be used."""

from __future__ import annotations

from collections import Counter
from typing import TextIO

SHOWN_PER_SOURCE = 20
"""Bad lines named for each file; a file of another kind would otherwise print as many messages as lines."""


class Problems:
    """Writes to standard error and counts."""

    def __init__(self, stream: TextIO) -> None:
        self.count = 0
        self._stream = stream
        self._of_source: Counter[str] = Counter()

    def say(self, message: str) -> None:
        """Tell something that is no fault of the input."""
        print(f"ja4-agent: {message}", file=self._stream, flush=True)

    def report(self, message: str) -> None:
        """Tell that some input was unusable."""
        self.count += 1
        self.say(message)

    def report_of(self, source: str, message: str) -> None:
        """As `report`, but tells no more than SHOWN_PER_SOURCE messages of one source."""
        self.count += 1
        self._of_source[source] += 1
        if self._of_source[source] <= SHOWN_PER_SOURCE:
            self.say(message)

    def summarise(self) -> None:
        """Name the sources of which messages were left out."""
        for source, count in self._of_source.items():
            if count > SHOWN_PER_SOURCE:
                self.say(f"{source}: {count} problems, of which the first {SHOWN_PER_SOURCE} are shown")
