"""What a finished statement gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows and bytes that a finished statement read, wrote and returned."""

    read_rows: int
    read_bytes: int
    written_rows: int
    written_bytes: int
    result_rows: int
    result_bytes: int
    elapsed_ns: int


@dataclass(frozen=True, slots=True)
class Result:
    """A finished statement: its counts, and its output where the engine made it.

    `owner` is the engine's object that `output` looks into; it must live as long.
    """

    output: memoryview
    counts: Counts
    owner: object

    @property
    def text(self) -> str:
        """The output as text."""
        return bytes(self.output).decode()
