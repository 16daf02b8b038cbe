"""The file of accounts: users, sessions, tokens, preferences and what happened to them, in SQLite.

It is not in ClickHouse, because the dashboard's database user may add labels, settings and audit rows, and
nothing else; and because signing in has to work while the database is away, to see that it is.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FILE_NAME = "accounts.sqlite3"
BUSY_TIMEOUT_S = 5.0
"""The command line writes to the same file."""
SCHEMA_VERSION = 1
SCHEMA = """
create table users (
    user_id integer primary key,
    name text not null unique collate nocase,
    role text not null check (role in ('viewer', 'analyst', 'admin')),
    issuer text,
    subject text,
    password_hash text,
    must_change_password integer not null default 0,
    is_disabled integer not null default 0,
    created_at integer not null,
    last_login_at integer,
    unique (issuer, subject)
) strict;
create table sessions (
    secret_hash blob primary key,
    user_id integer not null references users on delete cascade,
    created_at integer not null,
    last_seen_at integer not null,
    expires_at integer not null,
    client text not null
) strict;
create index sessions_by_user on sessions (user_id);
create table tokens (
    token_id text primary key,
    user_id integer not null references users on delete cascade,
    name text not null,
    secret_hash blob not null,
    scopes text not null,
    created_at integer not null,
    expires_at integer not null,
    last_used_at integer,
    is_revoked integer not null default 0
) strict;
create index tokens_by_user on tokens (user_id);
create table login_failures (
    name_hash blob primary key,
    failures integer not null,
    last_failed_at integer not null
) strict;
create table preferences (
    user_id integer not null references users on delete cascade,
    name text not null,
    value text not null,
    changed_at integer not null,
    primary key (user_id, name)
) strict;
create table access_log (
    entry_id integer primary key,
    at integer not null,
    actor text not null,
    action text not null,
    details text not null
) strict;
"""


class AccountsFile:
    """One connection for all threads of the process; times in it are seconds since the Unix epoch."""

    def __init__(self, folder: Path) -> None:
        """Open the file in `folder`, making both if absent, readable by their owner only. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / FILE_NAME
        # SQLite gives its side files the mode of this one, so it has to be right from the first byte.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("pragma foreign_keys = on")
        self._make_tables()

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        """Run one statement and give its rows."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).fetchall()

    def maybe_row(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        """The first row of a statement, None if it has none."""
        return next(iter(self.rows(sql, values)), None)

    def change(self, sql: str, values: Sequence[object] = ()) -> int:
        """Run one statement that writes; gives the number of rows it changed."""
        with self._lock:
            return self._connection.execute(sql, tuple(values)).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All changes inside are made, or none."""
        with self._lock:
            self._connection.execute("begin immediate")
            try:
                yield
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._connection.execute("commit")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _make_tables(self) -> None:
        with self.transaction():
            row = self.maybe_row("pragma user_version")
            if row is not None and row[0] > SCHEMA_VERSION:
                raise OSError(f"{self.path} was written by a newer version of the dashboard")
            if row is not None and row[0] == 0:
                # Not executescript, which would end the transaction.
                for statement in SCHEMA.split(";"):
                    self._connection.execute(statement)
                self._connection.execute("pragma user_version = 1")
