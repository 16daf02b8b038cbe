"""Table engines of the migrations, in one place, and whether the database is one machine or a cluster.

No migration names an engine itself, and none knows of clusters: `ja4_assets.storage.cluster` turns what they
do on one machine into what a cluster needs.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Any

from clickhouse_connect.cc_sqlalchemy.ddl.tableengine import (
    AggregatingMergeTree,
    MergeTree,
    ReplacingMergeTree,
    TableEngine,
)
from sqlalchemy import text

INSERT_TOKENS_REMEMBERED = 1000
"""Insert blocks whose `insert_deduplication_token` a table remembers.

Prevents a batch from being stored twice when its acknowledgement was lost and the writer sends it again.
Unset, a table that is not replicated ignores the token. A writer that retries after this many later blocks
of others is not protected; each remembered token costs a line in a small log on disk.
"""


CLUSTER_VARIABLE = "JA4_CLICKHOUSE_CLUSTER"
LOCAL_SUFFIX = "_local"
"""On a cluster each shard keeps its part of `t` in `t_local`, and `t` is the Distributed table over them all:
readers and writers use the same names as on one machine. dbt-clickhouse has the same suffix."""


@dataclass(frozen=True, slots=True)
class Topology:
    """One machine, or the cluster of that name in the server's `remote_servers`."""

    cluster: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_-]*", self.cluster):
            raise ValueError(f"{CLUSTER_VARIABLE} is no cluster's name: {self.cluster!r}")

    @classmethod
    def from_environment(cls) -> Topology:
        """By JA4_CLICKHOUSE_CLUSTER; one machine if it is unset or empty. Raises ValueError."""
        return cls(os.environ.get(CLUSTER_VARIABLE, ""))

    @property
    def is_cluster(self) -> bool:
        """Statements that change tables go to all servers."""
        return bool(self.cluster)

    @property
    def on_cluster(self) -> str:
        """What stands behind a table's name in DDL, with a space before it; empty on one machine."""
        return f" on cluster `{self.cluster}`" if self.cluster else ""

    def shared_name(self, local: str) -> str:
        """Name under which all servers' rows of a table are read."""
        return local.removesuffix(LOCAL_SUFFIX) if self.cluster else local

    def local_name(self, table: str) -> str:
        """Name of the table that holds rows on each server."""
        return f"{table}{LOCAL_SUFFIX}" if self.cluster else table


def table_engine(
    *,
    order_by: tuple[str, ...],
    partition_by: str | None = None,
    ttl: str | None = None,
    newest_by_key: bool = False,
    version: str | None = None,
    aggregates: bool = False,
) -> TableEngine:
    """Engine of one table, for `op.create_table`.

    `order_by` and `partition_by` are SQL expressions over its columns. `ttl` is an expression of type
    DateTime; parts are dropped whole, so it should follow `partition_by`. With `newest_by_key`, rows of one
    key collapse to the one with the largest `version` column, or the last inserted without one; a read needs
    `final` to see that. With `aggregates`, rows of one key are merged by the functions in the columns' types.
    Without either the table is append-only.
    """
    arguments: dict[str, Any] = {
        "order_by": tuple(text(expression) for expression in order_by),
        "settings": {"non_replicated_deduplication_window": INSERT_TOKENS_REMEMBERED},
    }
    if partition_by is not None:
        arguments["partition_by"] = text(partition_by)
    if ttl is not None:
        arguments["ttl"] = text(ttl)
        arguments["settings"]["ttl_only_drop_parts"] = 1
    if newest_by_key:
        return ReplacingMergeTree(version=version, **arguments)
    if aggregates:
        return AggregatingMergeTree(**arguments)
    return MergeTree(**arguments)
