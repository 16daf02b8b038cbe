"""Rows as JSON lines in a file or on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from capture_agent.ports import DiscardReason, RowCounts, SinkError
from capture_agent.rows import Row
from capture_agent.sink.at_once import WritesAtOnce
from capture_agent.sink.encode import encode_row_with_table


class JsonLinesSink(WritesAtOnce):
    """Writes each row as one JSON object; the key `table` says which table it belongs to."""

    def __init__(self, file: BinaryIO, *, closes_file: bool = True) -> None:
        self.counts = RowCounts()
        self._file = file
        self._closes_file = closes_file

    def write(self, rows: Sequence[Row]) -> None:
        """Append rows. Raises SinkError; BrokenPipeError, when the reader has gone, is left to the caller."""
        try:
            self._file.write(b"".join([encode_row_with_table(row) for row in rows]))
        except BrokenPipeError:
            raise
        except OSError as error:
            self.counts.discards[DiscardReason.REFUSED] += len(rows)
            raise self._failed(error) from error
        self.counts.inserted += len(rows)

    def flush(self) -> None:
        """Hand everything to the operating system."""
        try:
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the file if it is the sink's own."""
        if self._closes_file:
            self._file.close()

    def _failed(self, error: OSError) -> SinkError:
        return SinkError(
            f"{self._file.name}: {error.strerror}; {self.counts.inserted} rows were accepted before"
        )


def open_json_lines(path: Path) -> JsonLinesSink:
    """A sink that replaces the file at `path`. Raises SinkError."""
    try:
        return JsonLinesSink(path.open("wb", buffering=1 << 20))
    except OSError as error:
        raise SinkError(f"{path}: {error.strerror}") from error
