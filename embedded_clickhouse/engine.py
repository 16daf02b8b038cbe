"""Owns chDB: opens connections, runs statements on them, ends the ones nobody waits for.

chDB is imported here only; a process that forks after the import hangs, so clients never load it.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from embedded_clickhouse.errors import TOO_MANY_SIMULTANEOUS_QUERIES, QueryError, from_engine, refusal
from embedded_clickhouse.literals import quoted, quoted_name
from embedded_clickhouse.results import Counts, Result
from embedded_clickhouse.statements import multiple_statements

# The stub file of this module leaves most of it out, hence Any.
_chdb: Any = import_module("chdb._chdb")

MAX_CONCURRENT_STATEMENTS = 16
SLOT_DEADLINE_S = 120.0


class Connection:
    """One connection of the engine: current database, settings and temporary tables live in it.

    Not for use by two threads at a time. Every method raises QueryError.
    """

    def __init__(self, address: str) -> None:
        try:
            self._inner: Any = _chdb.connect(address)
        except RuntimeError as error:
            raise from_engine(str(error)) from error

    def run(self, statement: str, output_format: str = "TabSeparated") -> Result:
        """Run one statement to its end."""
        try:
            result = self._inner.query(statement, output_format)
        except RuntimeError as error:
            raise from_engine(str(error)) from error
        if result.has_error():
            raise from_engine(result.error_message())
        owner = result.get_memview()
        output: memoryview = owner.view()
        counts = Counts(
            read_rows=result.storage_rows_read(),
            read_bytes=result.storage_bytes_read(),
            written_rows=result.rows_written(),
            written_bytes=result.bytes_written(),
            result_rows=result.rows_read(),
            result_bytes=len(output),
            elapsed_ns=int(result.elapsed() * 1e9),
        )
        return Result(output, counts, (result, owner))

    def stream(self, statement: str, output_format: str) -> Generator[bytes, None, None]:
        """Run one SELECT and give its output block by block. Closing the iterator cancels the SELECT."""
        stream: Any = None
        is_finished = False
        try:
            stream = self._inner.send_query(statement, output_format)
            if stream.has_error():
                raise from_engine(stream.error_message())
            while True:
                block = self._inner.streaming_fetch_result(stream)
                if block.has_error():
                    raise from_engine(block.error_message())
                output: bytes = block.bytes()
                if not output:
                    break
                yield output
            is_finished = True
        except RuntimeError as error:
            is_finished = True
            raise from_engine(str(error)) from error
        finally:
            if stream is not None and not is_finished:
                self._inner.streaming_cancel_query(stream)

    def require_single(self, statement: str) -> bool:
        """Raise QueryError if `statement` is several; tell whether it leaves no trace in the database.

        The engine would run the statements before the one that fails.
        """
        found = self._inner.classify_query(statement)
        if found["statement_count"] > 1:
            raise multiple_statements(len(statement))
        is_read_only: bool = found["query_class"] == _chdb.query_class.READ_ONLY
        return is_read_only

    def apply(self, settings: Mapping[str, str]) -> None:
        """SET every one of `settings`, names already checked; values are bound as literals."""
        if settings:
            self.run("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in settings.items()))

    def use(self, database: str) -> None:
        """Make `database` the current one."""
        self.run(f"USE {quoted_name(database)}")

    def close(self) -> None:
        """Give the connection back; its temporary tables go."""
        self._inner.close()


class Engine:
    """The database of one data directory. One per process: chDB allows no second."""

    def __init__(self, home: Path, configuration: Path) -> None:
        # The program ends on its own signals; chDB's handlers would end it in their way.
        _chdb.set_signal_handlers_enabled(0)
        self._address = f"{home.resolve()}?config-file={configuration}"
        self._root = Connection(self._address)
        self._slots = threading.BoundedSemaphore(MAX_CONCURRENT_STATEMENTS)
        version = self._root.run("select version(), timezone()").text
        self.version, self.timezone = version.rstrip("\n").split("\t")

    def connect(self, maybe_role: str | None = None) -> Connection:
        """A fresh connection, a tenth of a millisecond; with a role, it has that role's rights only."""
        connection = Connection(self._address)
        if maybe_role is not None:
            try:
                connection.run(f"SET ROLE {quoted_name(maybe_role)}")
            except QueryError:
                connection.close()
                raise
        return connection

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for one of 16 places to run a statement in. Raises QueryError 202 after 120 s."""
        if not self._slots.acquire(timeout=SLOT_DEADLINE_S):
            raise refusal(
                TOO_MANY_SIMULTANEOUS_QUERIES,
                f"Too many simultaneous queries. Maximum: {MAX_CONCURRENT_STATEMENTS}",
            )
        try:
            yield
        finally:
            self._slots.release()

    def kill(self, log_comment: str) -> None:
        """End the statement that runs under `log_comment`, if it still does.

        The engine gives each statement a query_id of its own that nobody can set or ask for.
        """
        with suppress(QueryError), closing(self.connect()) as connection:
            connection.run(f"KILL QUERY WHERE Settings['log_comment'] = {quoted(log_comment)} ASYNC")

    def close(self) -> None:
        """Close the last connection: the engine finishes merges and flushes its logs."""
        self._root.close()
