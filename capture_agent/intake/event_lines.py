"""Decodes HTTP events, one JSON object a line, from any bytes."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from capture_agent.events import HttpEvent
from capture_agent.intake.http2_opening import with_http2_start
from capture_agent.intake.normal_form import NormalForm, UnacceptableEvent

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


class _Kind(msgspec.Struct):
    ev: str


class EventDecoder:
    """Turns a line into an event in normal form."""

    def __init__(self, form: NormalForm) -> None:
        self._form = form
        self._decoder = msgspec.json.Decoder(HttpEvent)
        self._kind = msgspec.json.Decoder(_Kind)

    def decode(self, line: bytes) -> HttpEvent | None:
        """The event of a line; None for a kind that reports no finished request.

        Raises one of REFUSALS, whose text says what is wrong.
        """
        try:
            event = self._decoder.decode(line)
        except UnicodeDecodeError:
            event = self._decoder.decode(escape_invalid_utf8(line))
        except msgspec.ValidationError:
            if self._is_another_kind(line):
                return None
            raise
        if event.ev != FINISHED_REQUEST:
            return None
        return self._form.of(with_http2_start(event))

    def _is_another_kind(self, line: bytes) -> bool:
        try:
            return self._kind.decode(line).ev != FINISHED_REQUEST
        except msgspec.DecodeError:
            return False


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
    path: Path, decoder: EventDecoder, on_bad_line: Callable[[BadLine], None]
) -> Iterator[HttpEvent]:
    """Events of a file in the order of its lines; each bad line is reported and skipped. Raises OSError."""
    with path.open("rb", buffering=1 << 20) as file:
        for line_number, line in enumerate(bounded_lines(file), start=1):
            if line is None:
                on_bad_line(BadLine(str(path), line_number, f"longer than {MAX_LINE_BYTES} bytes"))
                continue
            if line.isspace():
                continue
            try:
                event = decoder.decode(line)
            except REFUSALS as error:
                on_bad_line(BadLine(str(path), line_number, str(error)))
                continue
            if event is not None:
                yield event


def bounded_lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a file; None in place of one longer than MAX_LINE_BYTES, which is never held in memory."""
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES)
        yield None
