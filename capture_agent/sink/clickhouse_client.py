"""The ClickHouse database behind `clickhouse-connect`, as the sink sees it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError, Error, OperationalError
from urllib3.exceptions import HTTPError

from capture_agent.sink.clickhouse import InsertFailed

TRANSIENT_CODES = {
    159: "TIMEOUT_EXCEEDED",
    202: "TOO_MANY_SIMULTANEOUS_QUERIES",
    209: "SOCKET_TIMEOUT",
    210: "NETWORK_ERROR",
    241: "MEMORY_LIMIT_EXCEEDED",
    242: "TABLE_IS_READ_ONLY",
    243: "NOT_ENOUGH_SPACE",
    252: "TOO_MANY_PARTS",
    319: "UNKNOWN_STATUS_OF_INSERT",
    425: "SYSTEM_ERROR",
    999: "KEEPER_EXCEPTION",
}
"""Server errors after which the same insert may succeed; every other one fails at once."""
MENDABLE_CODES = {
    60: "UNKNOWN_TABLE",
    81: "UNKNOWN_DATABASE",
    164: "READONLY",
    192: "UNKNOWN_USER",
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    201: "QUOTA_EXCEEDED",
    497: "ACCESS_DENIED",
    516: "AUTHENTICATION_FAILED",
}
"""Server errors that are not the batch's fault: a live agent keeps it until an operator has mended them."""
TOO_LARGE_FOR_A_PROXY = "HTTP status 413"
"""As the driver words an answer without a code of ClickHouse; it gives the status nowhere else."""
CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 60
INSERT_SETTINGS = {
    "date_time_input_format": "best_effort",
    # Two rows of one key come in one block hardly ever, and readers take `final`: to look for them costs the
    # server a sixth of an insert's time, and reading one block with several threads a tenth.
    "optimize_on_insert": 0,
    "input_format_parallel_parsing": 0,
    # A batch that failed in one of the views behind a table is sent again: the table and the other views know
    # its token and pass it over, the one that failed takes it.
    "deduplicate_blocks_in_dependent_materialized_views": 1,
}
JSON_SETTINGS = {"output_format_json_quote_64bit_integers": 0, "date_time_output_format": "iso"}

# The driver logs every failed request as well; the sink says what happened, once and in the agent's words.
logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)


class ClickHouseInserter:
    """One connection, opened at first use and again after it failed."""

    def __init__(self, url: str) -> None:
        check_url(url)
        self._url = url
        self._address = address_of(url)
        self._client: Client | None = None

    def insert(self, table: str, block: bytes, token: str, encoding: str | None = None) -> None:
        """Insert JSONEachRow text, compressed as `encoding` says, as one block; raises InsertFailed."""
        settings = {**INSERT_SETTINGS, "insert_deduplication_token": token}
        try:
            self._connected().raw_insert(
                table, insert_block=block, settings=settings, fmt="JSONEachRow", compression=encoding
            )
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._failed(error) from error

    def query(self, statement: str, parameters: dict[str, Any]) -> list[tuple[object, ...]]:
        """Rows of a SELECT; raises InsertFailed."""
        try:
            found = self._connected().query(statement, parameters=parameters)
            return [tuple(row) for row in found.result_rows]
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._failed(error) from error

    def query_json(self, statement: str, parameters: dict[str, Any]) -> bytes:
        """Rows of a SELECT as JSON lines, which `insert` takes; raises InsertFailed."""
        try:
            return self._connected().raw_query(
                statement, parameters=parameters, settings=JSON_SETTINGS, fmt="JSONEachRow"
            )
        except (ClickHouseError, HTTPError, OSError) as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _connected(self) -> Client:
        if self._client is None:
            self._client = clickhouse_connect.get_client(
                dsn=self._url,
                connect_timeout=CONNECT_TIMEOUT_S,
                send_receive_timeout=ANSWER_TIMEOUT_S,
                query_retries=0,
                autogenerate_session_id=False,
            )
        return self._client

    def _failed(self, error: Exception) -> InsertFailed:
        if isinstance(error, Error) and error.code is not None:
            reason = f"{self._address} answered: {server_text(error)}"
            return InsertFailed(
                reason,
                is_transient=error.code in TRANSIENT_CODES,
                is_mendable=error.code in MENDABLE_CODES,
                code=error.code,
            )
        # An answer without a code is that of a proxy before the database.
        is_proxy = type(error) is DatabaseError
        is_connection = is_proxy or isinstance(error, OperationalError | HTTPError | OSError)
        is_transient = is_connection and TOO_LARGE_FOR_A_PROXY not in str(error)
        return InsertFailed(f"{self._address}: {_innermost(error)}", is_transient=is_transient)


def check_url(url: str) -> None:
    """Raise ValueError, without the password, if `url` names no database over http or https."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        port_is_valid = False
    if not port_is_valid or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the ClickHouse URL must read http[s]://USER:PASSWORD@HOST:PORT/DATABASE")
    if not parts.path.strip("/"):
        raise ValueError("the ClickHouse URL names no database: add /ja4_processing")


def address_of(url: str) -> str:
    """Scheme, host, port and database, without user and password."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def server_text(error: Error) -> str:
    """The server's own sentence, without what the driver puts before and behind it."""
    first_line = str(error).partition("\n")[0]
    text = first_line.rpartition("DB::Exception: ")[2].partition(" (version ")[0]
    return f"code {error.code}: {text[:500]}"


def _innermost(error: BaseException) -> str:
    """The text of the operating system's error inside the driver's; else of the outermost one."""
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error).partition("\n")[0][:500]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        reason = getattr(error, "reason", None)
        error = (
            error.__cause__ or error.__context__ or (reason if isinstance(reason, BaseException) else None)
        )
