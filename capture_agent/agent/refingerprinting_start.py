"""From settings to a run of `refingerprint` over the database."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from capture_agent.agent.composition import UnknownSink, clickhouse_url
from capture_agent.agent.problems import Problems
from capture_agent.agent.refingerprinting import NoProgressError, refingerprint_stored
from capture_agent.events import FINGERPRINT_SPEC
from capture_agent.ports import SinkError
from capture_agent.settings.whole import Settings
from capture_agent.sink.clickhouse import Clock, InsertFailed, RetryPolicy, insert_with_retries
from capture_agent.sink.clickhouse_client import ClickHouseInserter
from capture_agent.sink.schema import check_schema
from capture_agent.sink.stored_hellos import StoredHellos

EXIT_OK, EXIT_SINK, EXIT_INPUT = 0, 1, 2


class PatientDatabase:
    """A database whose inserts are tried again, as the sink's are."""

    def __init__(self, inserter: ClickHouseInserter, settings: Settings, problems: Problems) -> None:
        self._inserter = inserter
        self._problems = problems
        self._retry = RetryPolicy(settings.delivery.insert_deadline_s)
        self._clock = Clock(time.monotonic, time.sleep)

    def insert(self, table: str, block: bytes, token: str) -> None:
        """Insert one block; raises InsertFailed."""
        insert_with_retries(
            lambda: self._inserter.insert(table, block, token), self._clock, self._problems.say, self._retry
        )

    def query(self, statement: str, parameters: dict[str, Any]) -> list[tuple[object, ...]]:
        """Rows of a SELECT; raises InsertFailed."""
        return self._inserter.query(statement, parameters)

    def query_json(self, statement: str, parameters: dict[str, Any]) -> bytes:
        """Rows of a SELECT as JSON lines; raises InsertFailed."""
        return self._inserter.query_json(statement, parameters)


def refingerprint_database(settings: Settings, problems: Problems) -> int:
    """Compute stored fingerprints again; returns the exit code."""
    try:
        url = clickhouse_url(settings)
        if url is None:
            problems.report("refingerprint needs --clickhouse-url or JA4_CLICKHOUSE_URL")
            return EXIT_INPUT
        inserter = ClickHouseInserter(url)
    except (UnknownSink, ValueError) as error:
        problems.report(str(error))
        return EXIT_INPUT
    with closing(inserter):
        database = PatientDatabase(inserter, settings, problems)
        try:
            check_schema(inserter)
            done = refingerprint_stored(StoredHellos(database, FINGERPRINT_SPEC), problems.say)
        except InsertFailed as error:
            problems.say(
                f"ClickHouse: {error.reason}; what was computed so far is kept, start again to go on"
            )
            return EXIT_SINK
        except (SinkError, NoProgressError) as error:
            problems.say(str(error))
            return EXIT_SINK
    problems.say(str(done))
    return EXIT_OK
