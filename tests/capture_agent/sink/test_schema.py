"""The agent refuses a database that was not migrated for it, and says what to run."""

from __future__ import annotations

import msgspec
import pytest

from capture_agent.events import AgentTick, HttpRequest, TlsHello
from capture_agent.ports import SinkError
from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.encode import TABLES
from capture_agent.sink.schema import HOW_TO_MIGRATE, OLDEST_REVISION, check_schema

ROWS = (TlsHello, HttpRequest, AgentTick)
COLUMNS = {TABLES[row]: [field.name for field in msgspec.structs.fields(row)] for row in ROWS}


class Database:
    """Answers the questions of the check."""

    def __init__(
        self,
        *,
        has_revisions: bool = True,
        revisions: tuple[str, ...] = (OLDEST_REVISION,),
        without: str = "",
    ) -> None:
        self._has_revisions = has_revisions
        self._revisions = revisions
        self._without = without

    def query(self, statement: str, parameters: dict[str, str]) -> list[tuple[object, ...]]:
        if "system.tables" in statement:
            return [("alembic_version",)] if self._has_revisions else []
        if "version_num" in statement:
            return [(revision,) for revision in self._revisions]
        return [(name,) for name in COLUMNS[parameters["table"]] if name != self._without]


def test_migrated_database_is_accepted_also_when_newer() -> None:
    check_schema(Database())
    check_schema(Database(revisions=("0042",)))


@pytest.mark.parametrize(
    ("database", "words"),
    [
        (Database(has_revisions=False), "no schema yet"),
        (Database(revisions=()), "revision none"),
        (Database(revisions=("0001",)), f"revision 0001, the agent needs {OLDEST_REVISION}"),
        (Database(without="ja4_stable"), "raw_tls_hellos lacks ja4_stable"),
        (Database(without="rows_spooled"), "raw_agent_ticks lacks rows_spooled"),
    ],
)
def test_other_schema_is_refused_with_what_to_run(database: Database, words: str) -> None:
    with pytest.raises(SinkError, match=words) as refusal:
        check_schema(database)
    assert HOW_TO_MIGRATE in str(refusal.value)


class Failing:
    """A database that fails."""

    def __init__(self, failure: InsertFailed) -> None:
        self._failure = failure

    def query(self, *_: object) -> list[tuple[object, ...]]:
        raise self._failure


def test_missing_database_is_refused_and_other_failures_are_left_to_the_retry() -> None:
    missing = InsertFailed("code 81: Database x does not exist", is_transient=False, code=81)
    with pytest.raises(SinkError, match="does not exist; run"):
        check_schema(Failing(missing))
    for other in (
        InsertFailed("Connection refused", is_transient=True),
        InsertFailed("code 516: Authentication failed", is_transient=False, code=516),
    ):
        with pytest.raises(InsertFailed):
            check_schema(Failing(other))
