"""Rows as JSON lines that ClickHouse reads."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from capture_agent.events import AgentTick, HttpRequest, JoinState, Quality, TlsHello, Transport
from capture_agent.rows import EncodedRequest
from capture_agent.sink.encode import TABLES, encode_row, encode_row_with_table, iso_time


def hello(**changed: Any) -> TlsHello:
    """A row in which everything that may be unobserved is."""
    empty: dict[str, Any] = {field.name: None for field in msgspec.structs.fields(TlsHello)}
    return TlsHello(
        **{
            **empty,
            "sensor": "s",
            "ts": 1_795_350_390_070_261,
            "conn_id": 2**64 - 1,
            "transport": Transport.QUIC,
            "quality": Quality.MALFORMED,
            "alpn": ("h2", r"\x00"),
            **changed,
        }
    )


def test_times_are_iso_8601_with_microseconds_in_utc() -> None:
    assert iso_time(1_795_350_390_070_261) == "2026-11-22T12:26:30.070261Z"
    assert iso_time(0) == "1970-01-01T00:00:00.000000Z"
    moment = datetime.fromisoformat(iso_time(1_795_350_390_000_001))
    assert moment == datetime(2026, 11, 22, 12, 26, 30, 1, tzinfo=UTC)


def test_row_becomes_one_line_with_the_columns_of_its_table_in_order() -> None:
    line = encode_row(hello())
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert list(json.loads(line)) == [field.name for field in msgspec.structs.fields(TlsHello)]


def test_enums_bytes_large_ids_and_absence_survive() -> None:
    row = json.loads(encode_row(hello(hello_skeleton=b"\x01\x00\xff")))
    assert (row["transport"], row["quality"], row["conn_id"]) == ("quic", "malformed", 2**64 - 1)
    assert base64.b64decode(row["hello_skeleton"]) == b"\x01\x00\xff"
    assert row["alpn"] == ["h2", r"\x00"]
    assert row["ja4"] is None


@pytest.mark.parametrize("text", ['"', "\\", "\n", "\x00", "</script>", "\u2028", "é", "🦊"])
def test_hostile_text_stays_inside_its_string(text: str) -> None:
    line = encode_row(hello(sni=text))
    assert line.count(b"\n") == 1
    assert json.loads(line)["sni"] == text


def test_mixed_streams_name_the_table_first() -> None:
    tick = AgentTick(sensor="s", ts=60_000_000, run_id=1)
    assert list(json.loads(encode_row_with_table(tick)).items())[:2] == [
        ("table", "raw_agent_ticks"),
        ("sensor", "s"),
    ]


def test_an_encoded_row_is_handed_on_and_gets_its_table_in_mixed_streams() -> None:
    row = EncodedRequest(b'{"sensor":"s","ts":"2026-11-22T12:26:30.000000Z"}\n', JoinState.MATCHED)
    assert encode_row(row) == row.line
    assert list(json.loads(encode_row_with_table(row))) == ["table", "sensor", "ts"]


def test_every_kind_of_row_has_a_table() -> None:
    assert {
        TlsHello: "raw_tls_hellos",
        HttpRequest: "raw_http_requests",
        AgentTick: "raw_agent_ticks",
    } == TABLES
