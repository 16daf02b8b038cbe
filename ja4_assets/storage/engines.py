"""Table engines of the migrations, in one place.

A cluster needs `Replicated*` engines and `Distributed` tables; only this function would then change, since
no migration names an engine itself.
"""

from __future__ import annotations

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
