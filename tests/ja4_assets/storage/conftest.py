"""A migrated database of its own for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from ja4_assets.storage import migrate


@pytest.fixture
def database_url(clickhouse_dsn: str) -> Iterator[str]:
    """URL of a database that does not exist yet."""
    name = f"storage_{uuid.uuid4().hex[:12]}"
    yield f"{clickhouse_dsn}/{name}"
    with clickhouse_connect.get_client(dsn=clickhouse_dsn) as client:
        client.command(f"drop database if exists {name} sync")


@pytest.fixture
def migrated(database_url: str) -> Iterator[Client]:
    """Client of a database at the newest revision."""
    migrate.upgrade(database_url)
    with clickhouse_connect.get_client(dsn=database_url) as client:
        yield client
