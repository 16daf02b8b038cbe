"""Decodes HTTP events, one JSON object a line, from any bytes."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from capture_agent.events import HttpEvent
from capture_agent.intake.http2_opening import with_http2_start
from capture_agent.intake.normal_form import NormalForm, UnacceptableEvent, is_number_in_range
from capture_agent.intake.sequence import SequenceGaps

MAX_LINE_BYTES = 1 << 20
"""A request's header fields are at most 100 x 8 KiB in Apache's defaults; escaped they stay under this."""
FINISHED_REQUEST = "end"
REFUSALS = (msgspec.DecodeError, UnacceptableEvent, UnicodeDecodeError, RecursionError)
"""What a bad line raises; RecursionError is how msgspec refuses JSON nested a thousand deep."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that holds no event and was skipped."""

    path: str
    line_number: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: line {self.line_number}: {self.reason}"


class OtherEvent(msgspec.Struct, frozen=True):
    """A line of mod_reqin_log that reports no finished request: an ended connection, a source's state."""

    ev: str
    source_id: str | None = None
    source_seq: int | None = None
    dropped_full: int | None = None
    """Events the source gave up since its start because its buffer was full."""
    dropped_long: int | None = None
    """As before, because they were longer than it sends."""


class _Number(msgspec.Struct):
    source_id: str
    source_seq: int


class LineDecoder(Protocol):
    """Reads the lines of one format."""

    def decode(self, line: bytes) -> HttpEvent | OtherEvent:
        """The event of a line in normal form; raises one of REFUSALS, whose text says what is wrong."""

    def maybe_number(self, line: bytes) -> tuple[str, int] | None:
        """Source and number of a line that was refused, where they can be read."""


class EventDecoder:
    """Reads lines that are an HttpEvent each, as mod_reqin_log writes them."""

    def __init__(self, form: NormalForm) -> None:
        self._form = form
        self._decoder = msgspec.json.Decoder(HttpEvent)
        self._other = msgspec.json.Decoder(OtherEvent)
        self._number = msgspec.json.Decoder(_Number)

    def decode(self, line: bytes) -> HttpEvent | OtherEvent:
        """As LineDecoder says."""
        try:
            event = self._decoder.decode(line)
        except UnicodeDecodeError:
            event = self._decoder.decode(escape_invalid_utf8(line))
        except msgspec.ValidationError:
            other = self._maybe_other(line)
            if other is None:
                raise
            return other
        if event.ev != FINISHED_REQUEST:
            return self._other.decode(line)
        if event.headers_cut:
            event = msgspec.structs.replace(event, has_all_header_names=False)
        return self._form.of(with_http2_start(event))

    def maybe_number(self, line: bytes) -> tuple[str, int] | None:
        """As LineDecoder says."""
        try:
            number = self._number.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        return (number.source_id, number.source_seq) if is_number_in_range(number.source_seq) else None

    def _maybe_other(self, line: bytes) -> OtherEvent | None:
        try:
            other = self._other.decode(line)
        except msgspec.DecodeError:
            return None
        if other.ev == FINISHED_REQUEST or not is_number_in_range(other.source_seq or 0):
            return None
        return other


def _json_hex(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    # The backslash is itself escaped: the JSON text \\xe9 is the string \xe9.
    return "".join(f"\\\\x{byte:02x}" for byte in wrong), error.end


codecs.register_error("capture_agent.json_hex", _json_hex)


def escape_invalid_utf8(line: bytes) -> bytes:
    """Bytes that are not UTF-8 as `\\xNN` inside their JSON string.

    nginx passes them raw; to skip such a line would let a client hide its requests by one byte in a header.
    """
    return line.decode("utf-8", "capture_agent.json_hex").encode()


def read_events(
    path: Path,
    decoder: LineDecoder,
    on_bad_line: Callable[[BadLine], None],
    on_lost: Callable[[int], None] = lambda _: None,
) -> Iterator[HttpEvent]:
    """Events of a file in the order of its lines; each bad line is reported and skipped. Raises OSError.

    `on_lost` is given the size of each gap in the numbers of a source. Repeated numbers are left in: what a
    recording says twice becomes one row.
    """
    gaps = SequenceGaps()
    with path.open("rb", buffering=1 << 20) as file:
        for line_number, line in enumerate(bounded_lines(file), start=1):
            if line is None:
                on_bad_line(BadLine(str(path), line_number, f"longer than {MAX_LINE_BYTES} bytes"))
                continue
            if line.isspace():
                continue
            try:
                found = decoder.decode(line)
            except REFUSALS as error:
                on_bad_line(BadLine(str(path), line_number, str(error)))
                number = decoder.maybe_number(line)
            else:
                number = None if found.source_seq is None else (found.source_id or "", found.source_seq)
                if isinstance(found, HttpEvent):
                    yield found
            if number is not None and (lost := gaps.lost_before(*number)) > 0:
                on_lost(lost)


def bounded_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a file; None in place of one longer than MAX_LINE_BYTES, which is never held in memory."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        yield None
