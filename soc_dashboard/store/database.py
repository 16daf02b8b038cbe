"""Runs the files of `queries/` on worker threads and gives typed rows."""

from __future__ import annotations

import asyncio
import itertools
import re
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeVar

import clickhouse_connect
import msgspec
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError

from soc_dashboard.addresses import address_text

MAX_EXECUTION_S = 20
"""A page read that takes longer helps nobody who waits for it; the person sees a failed read with a retry."""
CONNECT_TIMEOUT_S = 3
THREADS = 8
"""Reads in flight at once: the embedded database serves 16 and shares them with dbt and the agent."""

SHARED_S = 5
"""Pages read up to a multiple of this, and a reading is kept as long: whoever opens the same page within it
gets the same figures, as of the same time, for one read of the database."""
MAX_SHARED = 512

SERVER_MESSAGE = re.compile(r"DB::Exception: (.*?)(?: \(version |\Z)", re.DOTALL)
"""The part of a server's answer that says what is wrong."""

Row = TypeVar("Row", bound=msgspec.Struct)
Parameter = str | int | float | list[str]

log = structlog.get_logger(__name__)


class StoreFailedError(Exception):
    """A read did not succeed.

    `query` is the file's name without suffix; `reason` is one line for the person who looks at the screen.
    """

    def __init__(self, query: str, reason: str) -> None:
        super().__init__(f"{query}: {reason}")
        self.query = query
        self.reason = reason


@cache
def query_text(name: str) -> str:
    """Text of `queries/<name>.sql`; FileNotFoundError when there is none."""
    return resources.files("soc_dashboard").joinpath("queries", f"{name}.sql").read_text("utf-8")


def statement(name: str, fragments: Mapping[str, str]) -> str:
    """The query with each `/* fragment */` mark replaced; ValueError when the file lacks a mark.

    Fragments are SQL that this program wrote: the conditions of the query box, a sort order. Values never
    are: they are bound.
    """
    text = query_text(name)
    for mark, sql in fragments.items():
        place = f"/* {mark} */"
        if place not in text:
            raise ValueError(f"{name}.sql has no mark {place}")
        text = text.replace(place, sql)
    return text


class MartDatabase:
    """Connection to the marts, shared by all sessions.

    One clickhouse-connect client without a server session serves all threads; it is made at the first
    read, so that the dashboard starts, and says so, while the database is away.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._writes = itertools.count(1)
        self.writes = 0
        """Grows with every row that this process adds: what was read before may be old."""
        self.for_pages: MartDatabase = SharedReads(self)
        """The same marts for pages, of which several may ask the same at once."""
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="mart-read")

    def read(
        self,
        query: str,
        row_type: type[Row],
        parameters: Mapping[str, Parameter],
        fragments: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """Run `queries/<query>.sql` with `fragments` in place and convert each row to `row_type`; blocks.

        Raises StoreFailedError when the database is away, refuses the query, or gives another shape.
        """
        try:
            result = self._connected().query(statement(query, fragments or {}), parameters=dict(parameters))
        except (ClickHouseError, OSError) as failure:
            log.warning("read failed", query=query, error=str(failure)[:500])
            raise StoreFailedError(query, plain_reason(failure)) from failure
        names = result.column_names
        try:
            return [
                msgspec.convert(dict(zip(names, map(_plain, row), strict=True)), row_type)
                for row in result.result_rows
            ]
        except msgspec.ValidationError as failure:
            raise StoreFailedError(
                query, f"the marts have another shape than this dashboard: {failure}"
            ) from failure

    async def fetch(
        self,
        query: str,
        row_type: type[Row],
        parameters: Mapping[str, Parameter],
        fragments: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """`read` on a worker thread; the event loop stays free."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self.read, query, row_type, parameters, fragments)

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add rows to a table of the dashboard's own, all or none; blocks. Raises StoreFailedError.

        Values are bound by column name; the database refuses what its columns cannot hold.
        """
        try:
            self._connected().insert(table, list(rows), column_names=list(columns))
        except (ClickHouseError, OSError, ValueError) as failure:
            log.warning("write failed", table=table, error=str(failure)[:500])
            raise StoreFailedError(table, plain_reason(failure)) from failure
        finally:
            self.count_write()

    def count_write(self) -> None:
        """Let pages read again what they shared until now; safe from any thread."""
        self.writes = next(self._writes)

    def close(self) -> None:
        """Finish running reads and close the connection."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                self._client = clickhouse_connect.get_client(
                    dsn=self._dsn,
                    connect_timeout=CONNECT_TIMEOUT_S,
                    send_receive_timeout=MAX_EXECUTION_S + 5,
                    autogenerate_session_id=False,
                    settings={"max_execution_time": MAX_EXECUTION_S, "max_result_rows": 100_000},
                )
            return self._client


class SharedReads(MartDatabase):
    """Marts whose equal reads within SHARED_S are one read. Only for the event loop's thread.

    Reads without an end of their window are not shared: what they give may have changed since.
    """

    def __init__(self, marts: MartDatabase) -> None:
        # It has no connection of its own, and everything that needs one goes through `marts`.
        self._marts = marts
        self.for_pages = self
        self._reads: OrderedDict[object, asyncio.Task[list[Any]]] = OrderedDict()

    async def fetch(
        self,
        query: str,
        row_type: type[Row],
        parameters: Mapping[str, Parameter],
        fragments: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """As `MartDatabase.fetch`."""
        if "until_us" not in parameters:
            return await self._marts.fetch(query, row_type, parameters, fragments)
        loop = asyncio.get_running_loop()
        key = (
            loop,
            query,
            self._marts.writes,
            tuple((name, str(value)) for name, value in sorted(parameters.items())),
            tuple(sorted((fragments or {}).items())),
        )
        task = self._reads.get(key)
        if task is None:
            task = loop.create_task(self._marts.fetch(query, row_type, parameters, fragments))
            self._reads[key] = task
            if len(self._reads) > MAX_SHARED:
                self._reads.popitem(last=False)
            loop.call_later(SHARED_S, self._reads.pop, key, None)
            task.add_done_callback(lambda done: self._forget_failed(key, done))
        # One who leaves must not end the read of the others.
        return list(await asyncio.shield(task))

    def read(
        self,
        query: str,
        row_type: type[Row],
        parameters: Mapping[str, Parameter],
        fragments: Mapping[str, str] | None = None,
    ) -> list[Row]:
        """As `MartDatabase.read`; not shared."""
        return self._marts.read(query, row_type, parameters, fragments)

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """As `MartDatabase.append`."""
        self._marts.append(table, columns, rows)

    def close(self) -> None:
        """As `MartDatabase.close`."""
        self._marts.close()

    def _forget_failed(self, key: object, done: asyncio.Task[list[Any]]) -> None:
        if done.cancelled() or done.exception() is not None:
            self._reads.pop(key, None)


def plain_reason(failure: BaseException) -> str:
    """What went wrong, in one bounded line for a person: without addresses, stack or version."""
    if isinstance(failure, OperationalError | OSError):
        return "the database does not answer"
    found = SERVER_MESSAGE.search(str(failure))
    text = found.group(1) if found else type(failure).__name__
    return " ".join(text.split())[:300]


def _plain(value: Any) -> Any:
    """A value as the row structs hold it: addresses as text (IPv4-mapped ones dotted), times aware."""
    if isinstance(value, IPv4Address | IPv6Address):
        return address_text(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        # The driver drops the zone of UTC columns; everything in the marts is UTC.
        return value.replace(tzinfo=UTC)
    return value
