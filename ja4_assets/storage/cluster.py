"""What a migration does on one machine, turned into what a cluster needs; text in, texts out.

Migrations are written once, for one machine. With a cluster (`engines.Topology`):

- a table `t` becomes `t_local` on every server, with the replicated form of its engine, and `t`, a
  Distributed table over all of them, so that readers and writers use the same names;
- rows go to the shard that `SHARDING` names;
- a materialised view runs on each shard over what arrives there, from `t_local` into `t`: what it makes
  of one shard's rows may belong to another;
- dictionaries and changes of columns go to every server; the Distributed table has the same columns;
- Alembic's table of the revision is whole on every server, whichever one a migration or an agent asks.

Sharding by the client's address puts all of an entity (address, fingerprint, host) on one shard, hello and
requests alike: joins of the two and everything that is counted for an address need no other shard. What is
counted over addresses is merged, as it is on one machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ja4_assets.storage.engines import LOCAL_SUFFIX, Topology

BY_CLIENT = "cityHash64(client_ip)"
SHARDING = {
    "raw_tls_hellos": "cityHash64(src_ip)",
    "raw_agent_ticks": "cityHash64(sensor)",
    "agg_ja4_seen": "cityHash64(ja4_stable)",
    "agg_first_seen": "cityHash64(kind, value)",
    "agg_requests_minute": "cityHash64(host, ja4_stable)",
    "agg_requests_hour": "cityHash64(host, ja4_stable)",
    "agg_requests_day": "cityHash64(host, ja4_stable)",
}
"""Of tables without a column client_ip. Rows of an aggregate's key must meet on one shard, or they would
never merge. `cityHash64` of an address in the one column equals that in the other: both are IPv6."""
ON_ONE_SHARD = "0"
"""Sharding key of small tables (reference data, labels, models): all rows on the first shard."""
REPLICA_PATH = "'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'"
"""Place of a replicated table in Keeper; the server fills the macros in. {database}, not {uuid}: a table that
was dropped and made again on one replica must find its place."""

EVERYWHERE_PATH = "'/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}'"
"""Place of a table that every server has whole: one replica set over all shards."""

NAME = r"`?(?P<name>\w+)`?"
CREATE_TABLE = re.compile(
    rf"(?is)^\s*create table (?P<missing>if not exists )?{NAME}\s*(?P<columns>\(.*\))\s*engine\s*=?\s*"
)
ENGINE = re.compile(r"(?is)\bengine\s*=?\s*(?P<family>\w*MergeTree)\s*(?:\((?P<arguments>[^()]*)\))?")
DEDUPLICATION = re.compile(r"(?i)non_replicated_deduplication_window")
CREATE_VIEW = re.compile(
    rf"(?is)^\s*create materialized view (?P<missing>if not exists )?{NAME} "
    r"to (?P<target>\w+) as\s+(?P<query>.*)$"
)
CREATE_DICTIONARY = re.compile(rf"(?is)^\s*create dictionary (?P<missing>if not exists )?{NAME}\s")
ALTER = re.compile(rf"(?is)^\s*alter table {NAME} (?P<action>.*)$")
DROP = re.compile(rf"(?is)^\s*drop (?P<kind>table|view|dictionary) (?P<present>if exists )?{NAME}")
INDEX_OR_STORAGE = re.compile(
    r"(?is)^(?:add|drop) (?:index|projection)|^modify (?:setting|ttl)"
    r"|^(?:update|delete)\b|codec\s*\("
)
"""Changes of how rows are stored, of which a Distributed table has nothing."""
ALEMBIC = "alembic_version"


def statements(statement: str, topology: Topology) -> list[str]:
    """The statements that do on `topology` what `statement` does on one machine; itself alone if it is one.

    Raises ValueError for DDL that it does not know, rather than run it on one server only.
    """
    if not topology.is_cluster:
        return [statement]
    return list(_on_cluster(statement, topology))


def sharding_key(table: str, has_client: bool) -> str:
    """The expression by which rows of a table are spread over the shards."""
    if table in SHARDING:
        return SHARDING[table]
    return BY_CLIENT if has_client else ON_ONE_SHARD


def _on_cluster(statement: str, topology: Topology) -> Iterator[str]:
    where = topology.on_cluster
    found = CREATE_TABLE.match(statement)
    if found and found["name"] == ALEMBIC:
        yield _everywhere(statement, found, topology)
    elif not re.match(r"(?is)^\s*(?:create|alter|drop)\b", statement) or ALEMBIC in statement:
        # Rows of Alembic's own table are replicated.
        yield statement
    elif found:
        yield from _table(statement, found, topology)
    elif found := CREATE_VIEW.match(statement):
        name, target = found["name"], found["target"]
        query = re.sub(r"(?i)(\bfrom\s+)(\w+)", rf"\1\2{LOCAL_SUFFIX}", found["query"], count=1)
        yield f"create materialized view {found['missing'] or ''}{name}{where} to {target} as {query}"
    elif found := CREATE_DICTIONARY.match(statement):
        yield statement[: found.end()].rstrip() + where + " " + statement[found.end() :]
    elif found := ALTER.match(statement):
        yield f"alter table {topology.local_name(found['name'])}{where} {found['action']}"
        if not INDEX_OR_STORAGE.search(found["action"]):
            yield f"alter table {found['name']}{where} {found['action']}"
    elif found := DROP.match(statement):
        present = found["present"] or ""
        yield f"drop {found['kind']} {present}{found['name']}{where} sync"
        if found["kind"] == "table":
            yield f"drop table {present}{topology.local_name(found['name'])}{where} sync"
    else:
        raise ValueError(f"no form for a cluster is known of: {statement[:80]}")


def _everywhere(statement: str, found: re.Match[str], topology: Topology) -> str:
    """Agents ask any server for the revision. Without deduplication: a revision is left and reached again."""
    behind = statement[found.end() :].removeprefix("MergeTree")
    return (
        f"create table {found['missing'] or ''}{found['name']}{topology.on_cluster} {found['columns']} "
        f"engine = ReplicatedMergeTree({EVERYWHERE_PATH}){behind} "
        "settings replicated_deduplication_window = 0"
    )


def _table(statement: str, found: re.Match[str], topology: Topology) -> Iterator[str]:
    name, local = found["name"], topology.local_name(found["name"])
    engine = ENGINE.search(statement, found.end("columns"))
    if engine is None:
        raise ValueError(f"the engine of {name} has no replicated form")
    arguments = ", ".join(part for part in (REPLICA_PATH, engine["arguments"]) if part)
    missing = found["missing"] or ""
    behind = DEDUPLICATION.sub("replicated_deduplication_window", statement[engine.end() :])
    yield (
        f"create table {missing}{local}{topology.on_cluster} {found['columns']} "
        f"engine = Replicated{engine['family']}({arguments}){behind}"
    )
    key = sharding_key(name, re.search(r"`?client_ip`? IPv6", found["columns"]) is not None)
    yield (
        f"create table {missing}{name}{topology.on_cluster} as {local} "
        f"engine = Distributed('{topology.cluster}', currentDatabase(), '{local}', {key})"
    )
