"""Alembic's entry point: runs the migrations over one connection of clickhouse-connect's dialect.

The version table `alembic_version` is a MergeTree with one row, made by the dialect. ClickHouse has no
transactional DDL, so a migration that fails half-way leaves what it had done; each step therefore says
`if not exists` / `if exists`, and running it again completes it.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy
from alembic import context
from sqlalchemy import Connection, event

from ja4_assets.storage.cluster import statements
from ja4_assets.storage.engines import Topology


def run_migrations() -> None:
    """Run what Alembic's caller asked for against the URL that `migrate` put into the configuration."""
    engine = sqlalchemy.create_engine(context.config.attributes["sqlalchemy_url"])
    try:
        with engine.connect() as connection:
            spread_over(Topology.from_environment(), connection)
            context.configure(connection=connection, target_metadata=None)
            context.run_migrations()
    finally:
        engine.dispose()


def spread_over(topology: Topology, connection: Connection) -> None:
    """On a cluster, have each statement of a migration executed in the form that a cluster needs."""
    if not topology.is_cluster:
        return

    @event.listens_for(connection, "before_cursor_execute", retval=True)
    def spread(
        _connection: Connection, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
    ) -> tuple[str, Any]:
        *before, last = statements(statement, topology)
        for one in before:
            cursor.execute(one, parameters)
        return last, parameters


run_migrations()
