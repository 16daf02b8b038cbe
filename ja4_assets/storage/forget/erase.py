"""Removes a person's address from everything that is stored.

Rows that are about the address go, wherever it stands in a column of type IPv6: raw rows, marts, scores,
verdicts, labels, campaigns, and tables that come later. Free text that names it, such as a note or the target
of an entry in the audit log, names a keyed hash instead. What was counted over many clients stays: it holds
no address. Nothing is read from a list of tables, so no table can be forgotten.

Each run is one entry in the audit log with the hash and the numbers, never the address. A run that was
interrupted is completed by the next; one that finds nothing says so.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from clickhouse_connect.driver import Client
from clickhouse_connect.driver.binding import quote_identifier

from ja4_assets.storage.engines import Topology

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

SERVER_SIDE = ("dst_ip", "proxy_dst_ip")
"""Columns that hold addresses of the web server."""
TEXTS = {
    "analyst_labels": ("note",),
    "audit_log": ("target", "details"),
    "campaigns": ("signature", "summary"),
    "verdicts": ("reason",),
}
"""Columns in which a person or a program may have written an address, where the table is there."""
HASH_CHARACTERS = 24

COLUMNS = """
select
    columns.table as table,
    columns.name as name,
    columns.type as type
from system.columns as columns
inner join system.tables as tables on columns.database = tables.database and columns.table = tables.name
where columns.database = currentDatabase() and tables.engine like '%MergeTree'
order by table, name
"""

OTHERS_BEHIND = """
select uniqExact(client_ip) as others
from raw_http_requests
where peer_ip = toIPv6({address:String}) and client_ip != toIPv6({address:String})
"""

MUTATE = {"mutations_sync": 2}
"""Wait until every replica has rewritten its parts: "done" then means gone."""


class ForgetRefusedError(Exception):
    """Nothing was removed; the text says why, and what to do."""


@dataclass(slots=True)
class Forgotten:
    """What a run removed."""

    target: str
    """Keyed hash of the address, as the audit log has it."""
    rows: dict[str, int] = field(default_factory=dict)
    """Table -> rows deleted, and table.column -> rows whose text was changed; only what is not 0."""

    def __str__(self) -> str:
        if not self.rows:
            return f"{self.target}: nothing was stored about this address"
        lines = "".join(f"\n  {name:40}{count:>12,}" for name, count in sorted(self.rows.items()))
        return f"{self.target}: removed or changed{lines}"


def forget(
    client: Client, address: Address, key: bytes, user: str, topology: Topology | None = None
) -> Forgotten:
    """Remove an address from every table of the client's database, and log that it was done.

    Raises ForgetRefusedError for a proxy's address, whose removal would remove its clients, and
    ClickHouseError if the database fails half-way: run it again.
    """
    mapped = mapped_text(address)
    done = Forgotten(f"forgotten:{keyed_hash(address, key)}")
    where = topology or Topology()
    columns: dict[str, dict[str, str]] = {}
    for table, name, kind in client.query(COLUMNS).result_rows:
        columns.setdefault(where.shared_name(table), {})[name] = kind
    if "raw_http_requests" in columns:
        others = _number(client, OTHERS_BEHIND, parameters={"address": mapped})
        if others:
            raise ForgetRefusedError(
                f"{others} other client addresses came through this one: it is a proxy's, not a person's"
            )
    eraser = _Eraser(client, address, mapped, done, where)
    for table, kinds in columns.items():
        eraser.delete_rows(table, kinds)
    eraser.clear_first_sightings(columns)
    for table, names in TEXTS.items():
        for name in names:
            if name in columns.get(table, {}):
                eraser.rewrite_text(table, name)
    client.insert(
        "audit_log",
        [[datetime.now(UTC), user, "forget", done.target, json.dumps(done.rows)]],
        column_names=["at", "user", "action", "target", "details"],
    )
    return done


def mapped_text(address: Address) -> str:
    """The address as an IPv6 column holds it."""
    return f"::ffff:{address}" if address.version == 4 else str(address)


def keyed_hash(address: Address, key: bytes) -> str:
    """HMAC-SHA256 of the 16 bytes of the address, cut: who has no key cannot try all addresses."""
    packed = ipaddress.IPv6Address(mapped_text(address)).packed
    return hmac.digest(key, packed, "sha256").hex()[:HASH_CHARACTERS]


def _number(client: Client, query: str, parameters: Mapping[str, str]) -> int:
    """The one number that a query gives."""
    ((found,),) = client.query(query, parameters=dict(parameters)).result_rows
    return int(found)


class _Eraser:
    """The statements of one run."""

    def __init__(
        self, client: Client, address: Address, mapped: str, done: Forgotten, topology: Topology
    ) -> None:
        self._client = client
        self._done = done
        self._topology = topology
        spelling = re.escape(str(address))
        self._parameters = {
            "address": mapped,
            "text": str(address),
            # Not inside a longer number: 192.0.2.1 is no part of 192.0.2.10 or 10.192.0.2.1.
            "pattern": rf"(?i)(^|[^0-9a-f.:]|::ffff:){spelling}($|[^0-9a-f.:]|[.:](?:$|[^0-9a-f.:]))",
            "replacement": rf"\1{done.target}\2",
        }

    def delete_rows(self, table: str, kinds: Mapping[str, str]) -> None:
        """Delete the rows of a table that are about the address."""
        conditions = [
            f"ifNull({quote_identifier(name)} = toIPv6({{address:String}}), 0)"
            for name, kind in kinds.items()
            if kind in ("IPv6", "Nullable(IPv6)") and name not in SERVER_SIDE
        ]
        if "xff" in kinds:
            conditions.append("has(xff, {text:String})")
        if table == "agg_first_seen":
            conditions.append("kind = 'client_ip' and value in ({address:String}, {text:String})")
        if conditions:
            self._mutate(table, table, "delete", " or ".join(conditions))

    def clear_first_sightings(self, columns: Mapping[str, Mapping[str, str]]) -> None:
        """Take the address out of columns that hold who was first, and keep when it was."""
        for table, kinds in columns.items():
            for name, kind in kinds.items():
                if kind.startswith("AggregateFunction(argMin, IPv6"):
                    column = quote_identifier(name)
                    self._mutate(
                        f"{table}.{name}",
                        table,
                        f"update {column} = arrayReduce('argMinState', [toIPv6('::')], [first_ts])",
                        f"finalizeAggregation({column}) = toIPv6({{address:String}})",
                    )

    def rewrite_text(self, table: str, name: str) -> None:
        """Put the hash in the place of the address in a text."""
        column = quote_identifier(name)
        self._mutate(
            f"{table}.{name}",
            table,
            f"update {column} = replaceRegexpAll({column}, {{pattern:String}}, {{replacement:String}})",
            f"match({column}, {{pattern:String}})",
        )

    def _mutate(self, name: str, table: str, action: str, condition: str) -> None:
        """Rewrite the parts that hold matching rows; a table without any is left alone."""
        quoted = quote_identifier(table)
        found = _number(
            self._client,
            f"select count() from {quoted} where {condition}",  # noqa: S608 - identifiers are the catalogue's
            parameters=self._parameters,
        )
        if not found:
            return
        local = quote_identifier(self._topology.local_name(table))
        self._client.command(
            f"alter table {local}{self._topology.on_cluster} {action} where {condition}",
            parameters=self._parameters,
            settings=MUTATE,
        )
        self._done.rows[name] = self._done.rows.get(name, 0) + found


def key_from(path: Path) -> bytes:
    """The key in a file, made with 32 random bytes that only its owner can read if there is none."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
    key = path.read_text().strip().encode()
    if len(key) < HASH_CHARACTERS:
        raise ForgetRefusedError(f"the key in {path} is too short: at least {HASH_CHARACTERS} characters")
    return key
