"""Refuses to write into a database whose schema is not the agent's. The agent never migrates."""

from __future__ import annotations

from typing import Protocol

import msgspec

from capture_agent.events import AgentTick, HttpRequest, TlsHello
from capture_agent.ports import SinkError
from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.encode import TABLES

OLDEST_REVISION = "0006"
"""Before it the schema is another one altogether. A later revision is accepted as long as the raw tables have
every column: most change other tables, and their numbers are not their order."""
HOW_TO_MIGRATE = "run `python -m ja4_assets.storage upgrade` on the platform's host"
UNKNOWN_DATABASE = 81

_REVISION = "select version_num from alembic_version"
_COLUMNS = (
    "select name from system.columns "
    "where database = currentDatabase() and table = {table:String} order by position"
)
_HAS_REVISIONS = "select name from system.tables where database = currentDatabase() and name = {table:String}"


class Reader(Protocol):
    """The database, as far as the check needs it."""

    def query(self, statement: str, parameters: dict[str, str]) -> list[tuple[object, ...]]:
        """Rows of a SELECT; raises InsertFailed."""


def check_schema(reader: Reader) -> None:
    """Raise SinkError unless the raw tables are migrated; InsertFailed if the database cannot be asked."""
    try:
        has_revisions = bool(reader.query(_HAS_REVISIONS, {"table": "alembic_version"}))
    except InsertFailed as error:
        if error.code == UNKNOWN_DATABASE:
            raise SinkError(f"{error.reason}; {HOW_TO_MIGRATE}") from error
        raise
    if not has_revisions:
        raise SinkError(f"the database has no schema yet: {HOW_TO_MIGRATE}")
    revisions = [str(row[0]) for row in reader.query(_REVISION, {})]
    if len(revisions) != 1 or revisions[0] < OLDEST_REVISION:
        found = ", ".join(revisions) or "none"
        raise SinkError(
            f"the database's schema is at revision {found}, the agent needs {OLDEST_REVISION}: "
            f"{HOW_TO_MIGRATE}"
        )
    for row_type in (TlsHello, HttpRequest, AgentTick):
        table = TABLES[row_type]
        present = {str(row[0]) for row in reader.query(_COLUMNS, {"table": table})}
        needed = [field.name for field in msgspec.structs.fields(row_type)]
        if missing := [name for name in needed if name not in present]:
            raise SinkError(
                f"the schema (revision {revisions[0]}) does not fit this agent: {table} lacks "
                f"{', '.join(missing)}; {HOW_TO_MIGRATE}, or install the agent of the same release"
            )
