"""Databases with the marts that dbt declares: one with a day of rows, one with hostile ones, one empty."""

from __future__ import annotations

import importlib
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from ja4_assets.storage import migrate
from soc_dashboard.store.database import MartDatabase


@pytest.fixture(scope="session")
def mart_tables() -> ModuleType:
    """The module that makes and fills the marts."""
    # Tests are no package; the module is also a script that runs from its folder.
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        return importlib.import_module("mart_tables")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="session")
def now() -> datetime:
    """The time at which the rows end."""
    return datetime.now(UTC)


@contextmanager
def new_database(dsn: str, fill: Callable[[Client], None]) -> Iterator[str]:
    """DSN of a database of its own, dropped afterwards."""
    name = f"dashboard_{uuid.uuid4().hex[:12]}"
    with clickhouse_connect.get_client(dsn=dsn) as root:
        root.command(f"create database {name} engine = Atomic")
        migrate.upgrade(f"{dsn}/{name}")
        with clickhouse_connect.get_client(dsn=dsn, database=name) as client:
            fill(client)
        yield f"{dsn}/{name}"
        root.command(f"drop database {name} sync")


@pytest.fixture(scope="session")
def day_dsn(clickhouse_dsn: str, mart_tables: ModuleType, now: datetime) -> Iterator[str]:
    """A day of a small shop."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)
        mart_tables.fill(client, now)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def hostile_dsn(clickhouse_dsn: str, mart_tables: ModuleType, now: datetime) -> Iterator[str]:
    """Every text that a client controls holds something hostile."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)
        mart_tables.fill_hostile(client, now)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def empty_dsn(clickhouse_dsn: str, mart_tables: ModuleType) -> Iterator[str]:
    """The marts without rows."""

    def fill(client: Client) -> None:
        mart_tables.create_tables(client)
        mart_tables.create_views(client)

    with new_database(clickhouse_dsn, fill) as dsn:
        yield dsn


@pytest.fixture
def day_marts(day_dsn: str) -> Iterator[MartDatabase]:
    """The store over the day of rows."""
    marts = MartDatabase(day_dsn)
    yield marts
    marts.close()


@pytest.fixture
def empty_marts(empty_dsn: str) -> Iterator[MartDatabase]:
    """The store over empty marts."""
    marts = MartDatabase(empty_dsn)
    yield marts
    marts.close()
