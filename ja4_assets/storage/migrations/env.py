"""Alembic's entry point: runs the migrations over one connection of clickhouse-connect's dialect.

The version table `alembic_version` is a MergeTree with one row, made by the dialect. ClickHouse has no
transactional DDL, so a migration that fails half-way leaves what it had done; each step therefore says
`if not exists` / `if exists`, and running it again completes it.
"""

from __future__ import annotations

import sqlalchemy
from alembic import context


def run_migrations() -> None:
    """Run what Alembic's caller asked for against the URL that `migrate` put into the configuration."""
    engine = sqlalchemy.create_engine(context.config.attributes["sqlalchemy_url"])
    try:
        with engine.connect() as connection:
            context.configure(connection=connection, target_metadata=None)
            context.run_migrations()
    finally:
        engine.dispose()


run_migrations()
