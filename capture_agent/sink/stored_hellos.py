"""Stored hellos and the requests that carry copies of them: read page by page, replaced by newer versions.

Rows pass as the JSON that ClickHouse itself writes and reads, so a column that is not changed arrives as it
was.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, Protocol

import msgspec

HELLOS, REQUESTS = "raw_tls_hellos", "raw_http_requests"

_HOURS = """
select distinct toUnixTimestamp(toStartOfHour(ts)) as hour
from raw_tls_hellos
where fingerprint_spec < {spec:UInt16} and hello_skeleton is not null
order by hour
"""
# The order is that of the table's key. Rows that were replaced are out of the next page by themselves;
# `skipped` passes over those that could not be.
_PAGE = """
select *
from raw_tls_hellos final
where
    ts >= toDateTime64({hour:UInt32}, 6, 'UTC')
    and ts < toDateTime64({hour:UInt32} + 3600, 6, 'UTC')
    and fingerprint_spec < {spec:UInt16}
    and hello_skeleton is not null
order by src_ip, ts, sensor, conn_id, transport, src_port, is_second_hello
limit {rows:UInt32} offset {skipped:UInt64}
"""
_WITHOUT_SKELETON = """
select count()
from raw_tls_hellos final
where fingerprint_spec < {spec:UInt16} and hello_skeleton is null
"""
_REQUEST_HOURS = """
select distinct toUnixTimestamp(toStartOfHour(ts)) as hour
from raw_http_requests
where quality in ('complete', 'reassembled')
order by hour
"""
# A request carries its connection's first hello that has fingerprints, as the join gives it. Where that one
# was not computed anew, the request keeps what it has.
_STALE_REQUESTS = """
select request.* replace (
    hello.facts.1 as ja4,
    hello.facts.2 as ja4_stable,
    hello.facts.3 as ja3_hash,
    hello.facts.4 as sni,
    hello.facts.5 as tls_version,
    hello.facts.6 as alpn,
    hello.facts.7 as has_grease,
    hello.facts.8 as has_ech,
    hello.facts.9 as has_psk,
    hello.facts.10 as has_pq_group
)
from (
    select *
    from raw_http_requests final
    where
        ts >= toDateTime64({hour:UInt32}, 6, 'UTC')
        and ts < toDateTime64({hour:UInt32} + 3600, 6, 'UTC')
        and quality in ('complete', 'reassembled')
) as request
inner join (
    select
        sensor,
        conn_id,
        argMin(
            (
                ja4, ja4_stable, ja3_hash, sni, tls_version, alpn, has_grease, has_ech, has_psk, has_pq_group,
                fingerprint_spec
            ),
            ts
        ) as facts
    from raw_tls_hellos final
    where
        quality in ('complete', 'reassembled')
        and conn_id in (
            select conn_id
            from raw_http_requests
            where
                ts >= toDateTime64({hour:UInt32}, 6, 'UTC')
                and ts < toDateTime64({hour:UInt32} + 3600, 6, 'UTC')
        )
    group by sensor, conn_id
) as hello on request.sensor = hello.sensor and request.conn_id = hello.conn_id
where
    hello.facts.11 >= {spec:UInt16}
    and toString((
        request.ja4, request.ja4_stable, request.ja3_hash, request.sni, request.tls_version, request.alpn,
        request.has_grease, request.has_ech, request.has_psk, request.has_pq_group
    )) != toString((
        hello.facts.1, hello.facts.2, hello.facts.3, hello.facts.4, hello.facts.5, hello.facts.6,
        hello.facts.7, hello.facts.8, hello.facts.9, hello.facts.10
    ))
limit {rows:UInt32}
"""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Database(Protocol):
    """The database as this module needs it; every method raises InsertFailed."""

    def query(self, statement: str, parameters: dict[str, Any]) -> list[tuple[object, ...]]:
        """Rows of a SELECT."""

    def query_json(self, statement: str, parameters: dict[str, Any]) -> bytes:
        """Rows of a SELECT as JSON lines, 64-bit integers as numbers."""

    def insert(self, table: str, block: bytes, token: str) -> None:
        """Insert JSON lines as one block."""


class StoredHellos:
    """Hellos whose `fingerprint_spec` is below `spec`, and the requests on their connections."""

    def __init__(self, database: Database, spec: int) -> None:
        self._database = database
        self._spec = spec

    def hours(self) -> list[int]:
        """Hours, as seconds since 1970, that hold hellos to compute anew."""
        return [_number(row) for row in self._database.query(_HOURS, {"spec": self._spec})]

    def page(self, hour: int, max_rows: int, skipped: int) -> list[dict[str, Any]]:
        """The next hellos of an hour, column by name, behind `skipped` that stay as they are."""
        parameters = {"spec": self._spec, "hour": hour, "rows": max_rows, "skipped": skipped}
        return [_decode(line) for line in self._database.query_json(_PAGE, parameters).splitlines()]

    def replace(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write newer versions of hellos."""
        self._insert(HELLOS, b"".join([_encode(row) + b"\n" for row in rows]))

    def count_without_skeleton(self) -> int:
        """Hellos of older rules from which nothing can be computed."""
        return _number(self._database.query(_WITHOUT_SKELETON, {"spec": self._spec})[0])

    def request_hours(self) -> list[int]:
        """Hours, as seconds since 1970, that hold requests with copies of a hello."""
        return [_number(row) for row in self._database.query(_REQUEST_HOURS, {})]

    def stale_requests(self, hour: int, max_rows: int) -> bytes:
        """Some of an hour's requests that differ from their hello, as lines with the copies put right."""
        parameters = {"spec": self._spec, "hour": hour, "rows": max_rows}
        return self._database.query_json(_STALE_REQUESTS, parameters)

    def replace_requests(self, lines: bytes) -> None:
        """Write newer versions of requests."""
        self._insert(REQUESTS, lines)

    def _insert(self, table: str, block: bytes) -> None:
        self._database.insert(table, block, blake2b(block, digest_size=16).hexdigest())


def _number(row: tuple[object, ...]) -> int:
    value = row[0]
    if not isinstance(value, int):
        raise TypeError(f"expected a number from the database, not {value!r}")
    return value
