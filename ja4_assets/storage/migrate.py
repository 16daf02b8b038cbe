"""Runs the migrations against one ClickHouse database."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import clickhouse_connect
import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from clickhouse_connect.cc_sqlalchemy import alembic as _dialect  # noqa: F401  Alembic knows it once imported
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.binding import quote_identifier

from ja4_assets.storage.engines import Topology

MIGRATIONS = Path(__file__).parent / "migrations"
DEFAULT_PORTS = {"http": 8123, "https": 8443}


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """The parts of `JA4_CLICKHOUSE_URL`, `http[s]://user:password@host:port/database?option=value`."""

    secure: bool
    host: str
    port: int
    user: str
    password: str
    database: str
    options: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, url: str) -> DatabaseUrl:
        """Read a URL; raises ValueError, which never shows the password, when a part is missing."""
        parts = urlsplit(url)
        database = unquote(parts.path.strip("/"))
        if parts.scheme not in DEFAULT_PORTS:
            raise ValueError("the ClickHouse URL must start with http:// or https://")
        if not parts.hostname:
            raise ValueError("the ClickHouse URL names no host")
        if not database or "/" in database:
            raise ValueError(
                "the ClickHouse URL must end with one database name: http://…:8123/ja4_processing"
            )
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=parts.port or DEFAULT_PORTS[parts.scheme],
            user=unquote(parts.username or "default"),
            password=unquote(parts.password or ""),
            database=database,
            options=tuple(parse_qsl(parts.query)),
        )

    def sqlalchemy_url(self) -> sqlalchemy.URL:
        """The same address for SQLAlchemy and clickhouse-connect's dialect."""
        return sqlalchemy.URL.create(
            "clickhousedb+connect",
            username=self.user,
            password=self.password,
            host=self.host,
            port=self.port,
            database=self.database,
            query={**dict(self.options), "interface": "https" if self.secure else "http"},
        )


def create_database_if_missing(target: DatabaseUrl) -> bool:
    """Create the database with engine Atomic; True if it was missing.

    Asks before it creates, so that an account without the CREATE DATABASE grant can migrate a database that
    an administrator made. Atomic is spelt out because the embedded database defaults to Overlay, in which
    tables have no UUID and EXCHANGE, which dbt uses, is refused.
    """
    with closing(_serverwide_client(target)) as client:
        if _database_exists(client, target.database):
            return False
        where = Topology.from_environment().on_cluster
        database = quote_identifier(target.database)
        client.command(f"create database if not exists {database}{where} engine = Atomic")
        return True


def upgrade(url: str, revision: str = "head") -> None:
    """Apply every migration up to `revision`, creating the database first; a no-op when already there."""
    target = DatabaseUrl.parse(url)
    create_database_if_missing(target)
    command.upgrade(_config(target), revision)


def downgrade(url: str, revision: str) -> None:
    """Undo migrations down to `revision`, "base" for all. Drops tables with their rows."""
    command.downgrade(_config(DatabaseUrl.parse(url)), revision)


def current_revision(url: str) -> str | None:
    """Revision the database stands at; None before the first migration or without the database."""
    target = DatabaseUrl.parse(url)
    with closing(_serverwide_client(target)) as client:
        if not _database_exists(client, target.database):
            return None
    engine = sqlalchemy.create_engine(target.sqlalchemy_url())
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def head_revision() -> str:
    """Newest revision of this checkout."""
    head = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if head is None:
        raise RuntimeError(f"no migration in {MIGRATIONS}")
    return head


def _serverwide_client(target: DatabaseUrl) -> Client:
    """A client outside any database, because one that names a missing database is refused every query."""
    options: dict[str, Any] = dict(target.options)
    return clickhouse_connect.get_client(
        host=target.host,
        port=target.port,
        username=target.user,
        password=target.password,
        secure=target.secure,
        database="",
        **options,
    )


def _database_exists(client: Client, name: str) -> bool:
    found = client.query(
        "select 1 from system.databases where name = {name:String}", parameters={"name": name}
    )
    return bool(found.row_count)


def _config(target: DatabaseUrl) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["sqlalchemy_url"] = target.sqlalchemy_url()
    return config
