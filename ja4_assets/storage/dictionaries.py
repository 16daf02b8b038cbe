"""Dictionaries of the migrations: lookups that the engine keeps in memory, loaded from tables beside them."""

from __future__ import annotations

from typing import Any

from alembic import op
from clickhouse_connect.driver.binding import quote_identifier
from sqlalchemy import Connection, text

RELOAD_SECONDS = (300, 600)
"""Bounds of the random pause after which the engine asks whether a newer version was activated: a server that
was away when a refresh reloaded the dictionaries follows within them."""


def create_dictionary(name: str, attributes: str, key: str, query: str, layout: str) -> None:
    """Create a dictionary over `query`, in which `{database}` stands for the migrated database.

    All arguments are constants of a migration. The dictionary reads as the user who migrates, unless the
    engine runs every query as a user of its own, as the embedded one does.
    """
    connection = op.get_bind()
    database = quote_identifier(str(connection.execute(text("select currentDatabase()")).scalar()))
    asked = "select max(activated_at) from {database}.intel_sources"
    source = " ".join(
        [
            *_account(connection),
            f"query {_quoted(query.format(database=database))}",
            f"invalidate_query {_quoted(asked.format(database=database))}",
        ]
    )
    low, high = RELOAD_SECONDS
    _execute(
        connection,
        f"create dictionary if not exists {name} ({attributes}) primary key {key} "
        f"source(clickhouse({source})) layout({layout}) lifetime(min {low} max {high})",
    )


def _account(connection: Connection) -> list[str]:
    """The connection's user and password as dictionary settings; none if the engine knows no such user."""
    url = connection.engine.url
    if connection.execute(text("select currentUser()")).scalar() != url.username:
        return []
    return [f"user {_quoted(str(url.username))}", f"password {_quoted(str(url.password or ''))}"]


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _execute(connection: Connection, statement: str) -> Any:
    # exec_driver_sql, because a colon in a password would be read as a bound parameter.
    return connection.exec_driver_sql(statement.replace("%", "%%"))
