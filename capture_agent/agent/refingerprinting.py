"""`ja4-agent refingerprint`: fingerprints of stored hellos under today's rules, from their skeletons.

Each hello that was written under older rules is written again with the new values; in a read with `final`
the newer version takes the place of the older. What was done stays done, so an interrupted run goes on
where it stopped when it is started again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import asdict

from capture_agent.events import FINGERPRINT_SPEC, Transport
from capture_agent.fingerprint.hello_facts import refingerprint
from capture_agent.wire.errors import Malformed

PAGE_ROWS = 1_000
"""Rows read and written at once: some megabytes in memory, some hundred if all hellos are of 64 kB."""
LINE_END = b"\n"


class Stored(Protocol):
    """The tables, as `sink.stored_hellos.StoredHellos` has them; methods raise InsertFailed."""

    def hours(self) -> list[int]:
        """Hours that hold hellos to compute anew."""

    def page(self, hour: int, max_rows: int, skipped: int) -> list[dict[str, Any]]:
        """The next hellos of an hour behind `skipped` that stay as they are."""

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write newer versions of hellos."""

    def count_without_skeleton(self) -> int:
        """Hellos of older rules from which nothing can be computed."""

    def request_hours(self) -> list[int]:
        """Hours that hold requests with copies of a hello."""

    def stale_requests(self, hour: int, max_rows: int) -> bytes:
        """Some of an hour's requests that differ from their hello, as lines with the copies put right."""

    def replace_requests(self, lines: bytes) -> None:
        """Write newer versions of requests."""


@dataclass(slots=True)
class Refingerprinted:
    """What a run did."""

    hellos: int = 0
    """Written again under today's rules."""
    refused: int = 0
    """Have a skeleton that today's parser does not accept; they keep their old values."""
    without_skeleton: int = 0
    """Cannot be computed again: truncated and malformed hellos have no skeleton."""
    requests: int = 0
    """Had copies that differed from their hello."""

    def __str__(self) -> str:
        return (
            f"{self.hellos} hellos computed again, {self.without_skeleton} without a skeleton and "
            f"{self.refused} with an unreadable one left as they were; {self.requests} requests updated"
        )


class NoProgressError(Exception):
    """The database gave the same rows again after they had been replaced."""


def refingerprint_stored(
    stored: Stored, say: Callable[[str], None], page_rows: int = PAGE_ROWS
) -> Refingerprinted:
    """Compute all older hellos again, then update the requests. Raises InsertFailed, NoProgressError."""
    done = Refingerprinted()
    for hour in stored.hours():
        _one_hour(stored, hour, page_rows, done)
        say(f"{done.hellos} hellos computed again")
    done.without_skeleton = stored.count_without_skeleton()
    for hour in stored.request_hours():
        _requests_of(stored, hour, page_rows, done)
    return done


def _one_hour(stored: Stored, hour: int, page_rows: int, done: Refingerprinted) -> None:
    skipped = 0
    before: list[dict[str, Any]] = []
    while rows := stored.page(hour, page_rows, skipped):
        if rows == before:
            raise NoProgressError(f"{len(rows)} hellos were replaced but are still read as before")
        before = rows
        replaced = [newer for newer in map(maybe_recomputed, rows) if newer is not None]
        if replaced:
            stored.replace(replaced)
        skipped += len(rows) - len(replaced)
        done.hellos += len(replaced)
        done.refused += len(rows) - len(replaced)


def _requests_of(stored: Stored, hour: int, page_rows: int, done: Refingerprinted) -> None:
    before = b""
    while lines := stored.stale_requests(hour, page_rows):
        if lines == before:
            raise NoProgressError(
                f"{lines.count(LINE_END)} requests were replaced but are still read as before"
            )
        before = lines
        stored.replace_requests(lines)
        done.requests += lines.count(LINE_END)


def maybe_recomputed(row: dict[str, Any]) -> dict[str, Any] | None:
    """A row of `raw_tls_hellos` under today's rules; None if its skeleton is not accepted.

    Only the columns of `HelloFacts` and `fingerprint_spec` differ from the row's.
    """
    try:
        facts = refingerprint(
            b64decode(row["hello_skeleton"], validate=True),
            Transport(row["transport"]),
            is_sslv2_framed=row["is_sslv2_framed"],
        )
    except (Malformed, Base64Error):
        return None
    columns = asdict(facts)
    columns["hello_skeleton"] = b64encode(facts.hello_skeleton or b"").decode("ascii")
    return {**row, **columns, "fingerprint_spec": FINGERPRINT_SPEC}
