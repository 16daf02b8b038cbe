"""Runs one request's statement: the connection it needs, its settings, its rows, its output."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from embedded_clickhouse.accounts import Account
from embedded_clickhouse.bodies import RowsFile
from embedded_clickhouse.errors import READONLY, QueryError, refusal
from embedded_clickhouse.forms import ExternalTable
from embedded_clickhouse.literals import quoted, quoted_name
from embedded_clickhouse.request import QueryRequest
from embedded_clickhouse.results import Result
from embedded_clickhouse.sessions import Session
from embedded_clickhouse.statements import DEFAULT_OUTPUT_FORMAT, Plan, StatementKind

if TYPE_CHECKING:
    from embedded_clickhouse.engine import Connection, Engine

# One thread reads the rows: two halve the speed of a batch of 10,000 rows and reorder larger ones.
_INSERT_SETTINGS = {"max_threads": "1", "max_insert_threads": "1"}
# chDB reads a statement that starts with no keyword as a SELECT, so that any typing error would parse.
_SERVER_SETTINGS = {"implicit_select": "0"}


@dataclass(frozen=True, slots=True)
class Job:
    """A statement with what came along: the path of its rows if it inserts some, tables for its time only."""

    plan: Plan
    maybe_rows_path: str | None
    tables: tuple[ExternalTable, ...]

    @property
    def statement(self) -> str:
        """The statement as the engine gets it."""
        return (
            self.plan.before_rows
            if self.maybe_rows_path is None
            else self.plan.insert_from(self.maybe_rows_path)
        )


@dataclass(frozen=True, slots=True)
class Output:
    """What a statement gives: its result if it has ended, else `blocks` as they come."""

    maybe_result: Result | None
    blocks: Iterator[bytes]
    maybe_format: str | None


@contextmanager
def executed(
    engine: Engine,
    account: Account,
    request: QueryRequest,
    job: Job,
    maybe_session: Session | None,
    spool: Path,
) -> Iterator[Output]:
    """Run `job` for `request`; the output is valid inside. Raises QueryError before or while it is read."""
    plan, statement = job.plan, job.statement
    account.require_leave(plan)
    # KILL must get through when every place is taken by what it is to end.
    slot = nullcontext() if plan.is_kill else engine.slot()
    with (
        slot,
        _connection(engine, account.maybe_role, request, plan, maybe_session) as connection,
        _external_tables(connection, job.tables, spool),
    ):
        is_read_only = connection.require_single(statement)
        if request.is_read_only and not is_read_only and plan.kind is not StatementKind.SESSION:
            raise refusal(
                READONLY,
                "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. "
                "You should use method POST for modifying queries.",
            )
        default_format = request.maybe_default_format or DEFAULT_OUTPUT_FORMAT
        output_format = plan.maybe_output_format or default_format
        is_result = plan.kind is StatementKind.RESULT
        if is_result and not request.waits_for_end and plan.is_streamable(output_format):
            blocks = connection.stream(statement, default_format)
            try:
                yield Output(None, _primed(blocks), output_format)
            finally:
                blocks.close()
        else:
            result = connection.run(statement, default_format)
            has_format = is_result or len(result.output) > 0
            yield Output(result, iter(()), output_format if has_format else None)


@contextmanager
def _external_tables(
    connection: Connection, tables: tuple[ExternalTable, ...], spool_directory: Path
) -> Iterator[None]:
    made: list[str] = []
    try:
        for table in tables:
            name = quoted_name(table.name)
            create = f"CREATE TEMPORARY TABLE {name} ({table.structure}) ENGINE = Memory"
            connection.require_single(create)
            connection.run(create)
            made.append(name)
            with RowsFile(spool_directory) as rows:
                rows.write(table.rows)
                target = Plan(StatementKind.INSERT_ROWS, f"INSERT INTO {name}", f"FORMAT {table.row_format}")
                connection.run(target.insert_from(rows.path))
        yield
    finally:
        for name in made:
            connection.run(f"DROP TEMPORARY TABLE IF EXISTS {name}")


def _primed(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """`blocks` with the first one already made, so that an early error still has a status of its own."""
    first = next(blocks, b"")

    def all_blocks() -> Iterator[bytes]:
        yield first
        yield from blocks

    return all_blocks()


@contextmanager
def _connection(
    engine: Engine, maybe_role: str | None, request: QueryRequest, plan: Plan, maybe_session: Session | None
) -> Iterator[Connection]:
    if maybe_session is not None:
        if maybe_session.maybe_connection is None and plan.kind is StatementKind.SESSION:
            maybe_session.maybe_connection = _prepared(engine.connect(maybe_role))
        if maybe_session.maybe_connection is not None:
            with _borrowed(maybe_session.maybe_connection, request, plan) as connection:
                yield connection
            return
    connection = engine.connect(maybe_role)
    try:
        if request.maybe_database is not None:
            connection.use(request.maybe_database)
        connection.apply({**_SERVER_SETTINGS, **_settings(request, plan)})
        if request.is_read_only and "readonly" not in request.settings:
            connection.apply({"readonly": "2"})
        yield connection
    finally:
        connection.close()


def _prepared(connection: Connection) -> Connection:
    connection.apply(_SERVER_SETTINGS)
    return connection


def _settings(request: QueryRequest, plan: Plan) -> dict[str, str]:
    defaults = _INSERT_SETTINGS if plan.kind is StatementKind.INSERT_ROWS else {}
    return {**defaults, "log_comment": request.query_id, **request.settings, **request.parameters}


@contextmanager
def _borrowed(connection: Connection, request: QueryRequest, plan: Plan) -> Iterator[Connection]:
    """A session's connection with the request's settings on it, and its own again afterwards.

    A SET or USE statement runs without them: undoing them afterwards could undo the statement.
    """
    if plan.kind is StatementKind.SESSION and not plan.makes_temporary:
        yield connection
        return
    names = [name for name in _settings(request, plan) if name not in request.parameters]
    listed = ", ".join(quoted(name) for name in names)
    # The names are quoted literals; the statement has no place for parameters of ours, since the
    # session may hold parameters of the client's under any name.
    before = connection.run(
        f"select name, value, changed from system.settings where name in ({listed})",  # noqa: S608
        "JSONCompactEachRow",
    ).text
    database = connection.run("select currentDatabase()", "TabSeparatedRaw").text.rstrip("\n")
    try:
        if request.maybe_database is not None:
            connection.use(request.maybe_database)
        # A session's connection cannot leave read-only mode again, so that setting stays with the gateway.
        connection.apply(
            {name: value for name, value in _settings(request, plan).items() if name != "readonly"}
        )
        yield connection
    finally:
        _restore(connection, before)
        if request.maybe_database is not None:
            with suppress(QueryError):  # the statement may have dropped the session's database
                connection.use(database)


def _restore(connection: Connection, before: str) -> None:
    for line in before.splitlines():
        name, value, changed = json.loads(line)
        connection.run(f"SET {name} = {quoted(value) if changed else 'DEFAULT'}")
