"""The loop of `refingerprint` over tables that behave, stop in between, or forget what they were given."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from capture_agent.agent.refingerprinting import NoProgressError, refingerprint_stored
from capture_agent.events import FINGERPRINT_SPEC, Transport
from capture_agent.fingerprint.hello_facts import hello_facts

HOUR = 1_700_000_000 // 3600 * 3600


class Table:
    """Hellos and requests in memory, with the ways of `sink.stored_hellos.StoredHellos`."""

    def __init__(self, hellos: list[dict[str, Any]], *, inserts: int = 1000, forgets: bool = False) -> None:
        self.hellos = hellos
        self.stale = [b'{"request":%d}\n' % number for number in range(5)]
        self.inserts_left = inserts
        self.forgets = forgets
        self.largest_page = 0

    def hours(self) -> list[int]:
        return [HOUR] if self._old() else []

    def _old(self) -> list[dict[str, Any]]:
        return [row for row in self.hellos if row["fingerprint_spec"] < FINGERPRINT_SPEC]

    def page(self, hour: int, max_rows: int, skipped: int) -> list[dict[str, Any]]:
        assert hour == HOUR
        page = self._old()[skipped : skipped + max_rows]
        self.largest_page = max(self.largest_page, len(page))
        return page

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        if not self.inserts_left:
            raise ConnectionError
        self.inserts_left -= 1
        if self.forgets:
            return
        newer = {row["conn_id"]: row for row in rows}
        self.hellos = [newer.get(row["conn_id"], row) for row in self.hellos]

    def count_without_skeleton(self) -> int:
        return 3

    def request_hours(self) -> list[int]:
        return [HOUR]

    def stale_requests(self, hour: int, max_rows: int) -> bytes:
        assert hour == HOUR
        return b"".join(self.stale[:max_rows])

    def replace_requests(self, lines: bytes) -> None:
        if not self.forgets:
            self.stale = self.stale[lines.count(b"\n") :]


@pytest.fixture
def message(project_root: Path) -> bytes:
    """A real client's hello."""
    vector = json.loads((project_root / "tests/vectors/client_hello/curl-h2.json").read_text())
    return bytes.fromhex(vector["stream"])[5:]


def old_rows(message: bytes, count: int, broken: frozenset[int] = frozenset()) -> list[dict[str, Any]]:
    facts = hello_facts(message, Transport.TCP)
    skeleton = b64encode(facts.hello_skeleton or b"").decode()
    return [
        {
            "conn_id": number,
            "src_ip": "198.51.100.7",
            "transport": "tcp",
            "is_sslv2_framed": False,
            "hello_skeleton": "AA==" if number in broken else skeleton,
            "ja4": "old",
            "fingerprint_spec": 0,
        }
        for number in range(count)
    ]


def test_every_page_is_computed_and_only_what_rules_decide_changes(message: bytes) -> None:
    table = Table(old_rows(message, 25))
    done = refingerprint_stored(table, lambda _: None, page_rows=4)
    assert (done.hellos, done.refused, done.without_skeleton, done.requests) == (25, 0, 3, 5)
    assert table.largest_page == 4
    assert {row["ja4"] for row in table.hellos} == {hello_facts(message, Transport.TCP).ja4}
    assert {(row["src_ip"], row["transport"]) for row in table.hellos} == {("198.51.100.7", "tcp")}
    assert [row["conn_id"] for row in table.hellos] == list(range(25))


def test_a_skeleton_that_is_refused_does_not_stop_those_behind_it(message: bytes) -> None:
    table = Table(old_rows(message, 20, frozenset({0, 1, 2, 3, 9, 19})))
    done = refingerprint_stored(table, lambda _: None, page_rows=4)
    assert (done.hellos, done.refused) == (14, 6)


def test_an_interrupted_run_goes_on_where_it_stopped(message: bytes) -> None:
    table = Table(old_rows(message, 10), inserts=1)
    with pytest.raises(ConnectionError):
        refingerprint_stored(table, lambda _: None, page_rows=4)
    table.inserts_left = 1000
    assert refingerprint_stored(table, lambda _: None, page_rows=4).hellos == 6


def test_a_database_that_forgets_inserts_ends_the_run(message: bytes) -> None:
    with pytest.raises(NoProgressError, match="4 hellos were replaced"):
        refingerprint_stored(Table(old_rows(message, 10), forgets=True), lambda _: None, page_rows=4)
    with pytest.raises(NoProgressError, match="5 requests were replaced"):
        refingerprint_stored(Table([], forgets=True), lambda _: None)
