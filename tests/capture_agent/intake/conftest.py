"""Lines of events, and an intake whose messages and clock a test can read."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from capture_agent.intake.event_lines import EventDecoder, LineDecoder
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.normal_form import NormalForm

EVENT: dict[str, object] = {
    "ev": "end",
    "t_us": 1_795_350_390_070_261,
    "src_ip": "192.0.2.7",
    "src_port": 40_000,
    "dst_ip": "198.51.100.1",
    "dst_port": 443,
    "method": "GET",
    "unparsed_uri": "/",
    "proto": "HTTP/1.1",
    "status": 200,
    "headers": [["User-Agent", "curl/8"]],
}


class Desk:
    """A LineIntake, what it said, and the clock of its messages."""

    def __init__(self, decoder: LineDecoder) -> None:
        self.said: list[str] = []
        self.now_s = 1_000.0
        self.intake = LineIntake("test", decoder, LimitedReport(self.said.append, lambda: self.now_s))


@pytest.fixture
def desk() -> Desk:
    """An intake of the native format."""
    return Desk(EventDecoder(NormalForm()))


@pytest.fixture
def desk_with() -> Callable[[LineDecoder], Desk]:
    """An intake of another format."""
    return Desk


@pytest.fixture
def event_line() -> Callable[..., bytes]:
    """One event as a line without its line break; keywords replace fields, None leaves one out."""

    def build(**changed: object) -> bytes:
        fields = {**EVENT, **changed}
        return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()

    return build
