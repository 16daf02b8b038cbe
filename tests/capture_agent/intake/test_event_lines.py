"""Lines of any bytes: what is an event is kept, what is not is named and skipped."""

from __future__ import annotations

import contextlib
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.events import HttpEvent
from capture_agent.intake import event_lines
from capture_agent.intake.event_lines import BadLine, EventDecoder, bounded_lines, read_events
from capture_agent.intake.normal_form import NormalForm

GOOD = (
    b'{"v":1,"ev":"end","t_us":1795350390070261,"src_ip":"192.0.2.7","src_port":40000,'
    b'"dst_ip":"198.51.100.1","dst_port":443,"method":"GET","unparsed_uri":"/","proto":"HTTP/1.1",'
    b'"status":200,"headers":[["User-Agent","curl/8"]],"unknown":[1]}'
)


def read(tmp_path: Path, content: bytes) -> tuple[list[HttpEvent], list[BadLine]]:
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    bad: list[BadLine] = []
    return list(read_events(path, EventDecoder(NormalForm()), bad.append)), bad


def test_events_of_the_lab_are_read_as_they_are(shared_dir: Path) -> None:
    bad: list[BadLine] = []
    path = shared_dir / "lab" / "http_events.jsonl"
    events = list(read_events(path, EventDecoder(NormalForm()), bad.append))
    assert bad == []
    assert len(events) == len(path.read_bytes().splitlines())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b"not json", "invalid"),
        (b"[]", "Expected `object`, got `array`"),
        (b"\x00\x01\x02", "invalid character"),
        (b"{}", "missing required field `t_us`"),
        (GOOD.replace(b"200", b'"200"'), r"Expected `int`, got `str` - at `\$.status`"),
        (GOOD.replace(b"192.0.2.7", b"nowhere"), "src_ip is 'nowhere', not an IP address"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "recursion"),
    ],
)
def test_bad_line_is_named_and_skipped_and_the_rest_is_kept(tmp_path: Path, line: bytes, reason: str) -> None:
    events, bad = read(tmp_path, GOOD + b"\n" + line + b"\n" + GOOD + b"\n")
    assert len(events) == 2
    (problem,) = bad
    assert problem.line_number == 2
    assert str(problem).startswith(f"{tmp_path / 'events.jsonl'}: line 2: ")
    assert re.search(reason, problem.reason)


def test_line_over_the_limit_is_skipped_without_being_held_and_the_next_is_read(tmp_path: Path) -> None:
    long = b'{"a":"' + b"x" * (2 * event_lines.MAX_LINE_BYTES) + b'"}'
    events, bad = read(tmp_path, long + b"\n" + GOOD)
    assert len(events) == 1
    assert [(b.line_number, b.reason) for b in bad] == [(1, "longer than 1048576 bytes")]


def test_empty_lines_and_a_missing_last_newline_are_no_problem(tmp_path: Path) -> None:
    events, bad = read(tmp_path, b"\n\r\n" + GOOD + b"\n  \n" + GOOD)
    assert (len(events), bad) == (2, [])


def test_other_kinds_of_event_are_passed_over(tmp_path: Path) -> None:
    events, bad = read(tmp_path, b'{"ev":"conn","src_ip":"192.0.2.7"}\n' + GOOD.replace(b"end", b"begin"))
    assert (events, bad) == ([], [])


def test_raw_bytes_in_a_header_do_not_hide_the_request(tmp_path: Path) -> None:
    """nginx writes bytes that are not UTF-8 as they came."""
    events, bad = read(tmp_path, GOOD.replace(b"curl/8", b"cu\xffrl\xe9"))
    assert bad == []
    assert events[0].headers == (("User-Agent", r"cu\xffrl\xe9"),)


def test_encoded_surrogates_do_not_hide_the_request(tmp_path: Path) -> None:
    events, bad = read(tmp_path, GOOD.replace(b"curl/8", b"\xed\xa0\x80"))
    assert bad == []
    assert events[0].headers == (("User-Agent", r"\xed\xa0\x80"),)


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_any_bytes_end_in_events_or_reasons(lines: list[bytes]) -> None:
    decoder = EventDecoder(NormalForm())
    for line in bounded_lines(io.BytesIO(b"\n".join(lines))):
        with contextlib.suppress(*event_lines.REFUSALS):
            assert isinstance(decoder.decode(line or b""), HttpEvent | None)


@given(st.text(max_size=50))
def test_any_text_in_a_header_survives(value: str) -> None:
    given_event = json.loads(GOOD)
    given_event["headers"] = [["User-Agent", value]]
    try:
        line = json.dumps(given_event, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return
    event = EventDecoder(NormalForm()).decode(line)
    assert event is not None
    assert event.headers == (("User-Agent", value),)


@given(st.binary(max_size=300), st.integers(1, 64))
def test_lines_are_those_of_the_input_but_for_long_ones(content: bytes, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(event_lines, "MAX_LINE_BYTES", limit)
        found = list(bounded_lines(io.BytesIO(content)))
    expected = io.BytesIO(content).readlines()
    assert len(found) == len(expected)
    for line, wanted in zip(found, expected, strict=True):
        assert line == wanted or (line is None and len(wanted) > limit)


def test_event_whose_headers_had_no_room_has_not_all_names() -> None:
    """A hash over some of the names would be another client's fingerprint."""
    cut = EventDecoder(NormalForm()).decode(GOOD.replace(b'"status"', b'"headers_cut":true,"status"'))
    assert isinstance(cut, HttpEvent)
    assert not cut.has_all_header_names
    assert dict(cut.headers)["User-Agent"] == "curl/8"
    assert EventDecoder(NormalForm()).decode(GOOD).has_all_header_names  # type: ignore[union-attr]
