"""Versions of the reference data in ClickHouse: written whole, then switched to with one row."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import polars as pl

from ja4_assets.intel.catalogue import Source, Tables
from ja4_assets.intel.fetch import Fetched
from ja4_assets.storage.engines import Topology

VERSIONS_KEPT = 2
"""The one in use and the one before, to go back to."""

DICTIONARIES = {
    "asn": ("intel_asn", "intel_autonomous_system"),
    "country": ("intel_country",),
    "cloud": ("intel_cloud",),
    "crawler_ranges": ("intel_crawler_range",),
    "anonymisers": ("intel_anonymiser",),
}

ACTIVE = """
select
    argMax(version, activated_at) as version,
    argMax(is_default, activated_at) as is_default,
    argMax(published_on, activated_at) as published_on,
    argMax(origin, activated_at) as origin,
    argMax(stored_rows, activated_at) as stored_rows
from intel_sources
where source = {source:String}
having count() > 0
"""

STORED_VERSIONS = """
select distinct
    _partition_id as partition,
    version
from {table:Identifier}
where source = {source:String}
"""

KEPT = """
select version
from intel_sources
where source = {source:String}
group by version
order by max(activated_at) desc
limit {kept:UInt8}
"""


class Database(Protocol):
    """What the Dagster resource offers."""

    def read(self, query: str, parameters: dict[str, object] | None = None) -> pl.DataFrame: ...

    def insert(self, table: str, frame: pl.DataFrame) -> int: ...

    def command(self, statement: str, parameters: dict[str, object] | None = None) -> None: ...


@dataclass(frozen=True, slots=True)
class Active:
    """The version in use."""

    version: str
    is_default: bool
    age_days: int
    origin: str
    stored_rows: int


def maybe_active(database: Database, source: Source) -> Active | None:
    """The version of `source` in use; None before the first."""
    found = database.read(ACTIVE, {"source": source.name}).to_dicts()
    if not found:
        return None
    (row,) = found
    age = (datetime.now(UTC).date() - row["published_on"]).days
    return Active(row["version"], bool(row["is_default"]), age, row["origin"], row["stored_rows"])


def activate(
    database: Database, source: Source, fetched: Fetched, topology: Topology | None = None
) -> Active:
    """Store the files' rows as a version and switch to it on all servers; a no-op if they are in use already.

    Raises ValueError when the files cannot be read, or hold fewer rows than a whole download has; what is in
    use then stays in use.
    """
    version = version_of(fetched)
    current = maybe_active(database, source)
    if current is not None and current.version == version:
        return current
    tables = source.read(fetched.files)
    count = max(frame.height for frame in tables.values())
    if not fetched.is_default and count < source.smallest:
        raise ValueError(f"{source.name}: {count} rows, fewer than the {source.smallest} of a whole file")
    where = topology or Topology()
    _store(database, source, version, tables, where)
    database.insert(
        "intel_sources",
        pl.DataFrame(
            {
                "source": [source.name],
                "version": [version],
                "activated_at": [datetime.now(UTC)],
                "published_on": [fetched.published_on],
                "origin": [fetched.origin],
                "licence": [source.licence],
                "attribution": [source.attribution],
                "stored_rows": [count],
                "is_default": [fetched.is_default],
            },
            schema_overrides={"stored_rows": pl.UInt64},
        ),
    )
    for dictionary in DICTIONARIES.get(source.name, ()):
        database.command(
            "system reload dictionary" + where.on_cluster + " {dictionary:Identifier}",
            {"dictionary": dictionary},
        )
    _drop_old(database, source, tables, where)
    return Active(version, fetched.is_default, 0, fetched.origin, count)


def version_of(fetched: Fetched) -> str:
    """Date of the data and 8 hex digits over the files."""
    digest = hashlib.sha256()
    for name in sorted(fetched.files):
        digest.update(name.encode() + b"\0" + fetched.files[name])
    return f"{fetched.published_on:%Y%m%d}-{digest.hexdigest()[:8]}"


def _store(database: Database, source: Source, version: str, tables: Tables, topology: Topology) -> None:
    for table, frame in tables.items():
        # What an earlier attempt at this version left behind.
        _drop_versions(database, table, source, {version}, topology)
        stamped = frame.with_columns(source=pl.lit(source.name), version=pl.lit(version))
        database.insert(table, stamped)


def _drop_old(database: Database, source: Source, tables: Tables, topology: Topology) -> None:
    kept = set(database.read(KEPT, {"source": source.name, "kept": VERSIONS_KEPT})["version"])
    for table in tables:
        stored = set(database.read(STORED_VERSIONS, {"table": table, "source": source.name})["version"])
        _drop_versions(database, table, source, stored - kept, topology)


def _drop_versions(
    database: Database, table: str, source: Source, versions: set[str], topology: Topology
) -> None:
    stored = database.read(STORED_VERSIONS, {"table": table, "source": source.name})
    for partition in stored.filter(pl.col("version").is_in(list(versions)))["partition"]:
        database.command(
            "alter table {table:Identifier}" + topology.on_cluster + " drop partition id {partition:String}",
            {"table": topology.local_name(table), "partition": partition},
        )
