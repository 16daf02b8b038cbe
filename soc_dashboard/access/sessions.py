"""Sessions of browsers: made at sign-in, ended by time, by sign-out and by every change of the account."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from soc_dashboard.access.storage import AccountsFile
from soc_dashboard.access.users import Account, account_of

MAX_SESSIONS_PER_USER = 20
"""The oldest ends when another begins."""
SEEN_STEP_S = 30
"""Activity is written at most this often."""
MAX_CLIENT = 200
_COLUMNS = (
    "select users.*, secret_hash, sessions.created_at as began_at, last_seen_at, expires_at, client"
    " from sessions join users using (user_id) "
)


@dataclass(frozen=True, slots=True)
class Session:
    """One browser that is signed in."""

    account: Account
    secret_hash: bytes
    created_at: int
    last_seen_at: int
    expires_at: int
    client: str


class Sessions:
    """Sessions in the file. The browser holds the secret, the file its hash only."""

    def __init__(self, file: AccountsFile, clock: Callable[[], int], idle_s: int, absolute_s: int) -> None:
        """`idle_s` without activity, or `absolute_s` after sign-in, end a session."""
        self._file = file
        self._clock = clock
        self._idle_s = idle_s
        self.absolute_s = absolute_s

    def begin(self, account: Account, client: str) -> str:
        """Begin a session; gives the secret for the cookie."""
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        with self._file.transaction():
            self._file.change(
                "delete from sessions where expires_at <= ? or last_seen_at <= ?", (now, now - self._idle_s)
            )
            self._file.change(
                "insert into sessions values (?, ?, ?, ?, ?, ?)",
                (
                    hash_of(secret),
                    account.user_id,
                    now,
                    now,
                    now + self.absolute_s,
                    client[:MAX_CLIENT],
                ),
            )
            self._file.change(
                "delete from sessions where user_id = ? and secret_hash not in (select secret_hash"
                " from sessions where user_id = ? order by created_at desc, rowid desc limit ?)",
                (account.user_id, account.user_id, MAX_SESSIONS_PER_USER),
            )
        return secret

    def maybe_found(self, secret: str) -> Session | None:
        """The session that still holds, of an account that may sign in."""
        return self.maybe_held(hash_of(secret))

    def maybe_held(self, secret_hash: bytes) -> Session | None:
        """`maybe_found` by the hash."""
        now = self._clock()
        row = self._file.maybe_row(
            _COLUMNS + "where secret_hash = ? and expires_at > ? and last_seen_at > ? and not is_disabled",
            (secret_hash, now, now - self._idle_s),
        )
        return _session(row) if row else None

    def touch(self, session: Session) -> None:
        """Note that its person did something."""
        now = self._clock()
        if now - session.last_seen_at >= SEEN_STEP_S:
            self._file.change(
                "update sessions set last_seen_at = ? where secret_hash = ? and last_seen_at < ?",
                (now, session.secret_hash, now),
            )

    def of(self, account: Account) -> list[Session]:
        """Sessions of an account that still hold, newest first."""
        now = self._clock()
        rows = self._file.rows(
            _COLUMNS + "where user_id = ? and expires_at > ? and last_seen_at > ? order by began_at desc",
            (account.user_id, now, now - self._idle_s),
        )
        return [_session(row) for row in rows]

    def count(self) -> int:
        """Sessions that hold now."""
        now = self._clock()
        row = self._file.maybe_row(
            "select count(*) from sessions where expires_at > ? and last_seen_at > ?",
            (now, now - self._idle_s),
        )
        return int(row[0]) if row else 0

    def end(self, session: Session) -> None:
        """Sign out."""
        self._file.change("delete from sessions where secret_hash = ?", (session.secret_hash,))

    def end_others(self, session: Session) -> int:
        """End every other session of the same account; gives how many."""
        return self._file.change(
            "delete from sessions where user_id = ? and secret_hash <> ?",
            (session.account.user_id, session.secret_hash),
        )


def hash_of(secret: str) -> bytes:
    """SHA-256: a secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def _session(row: sqlite3.Row) -> Session:
    return Session(
        account_of(row),
        row["secret_hash"],
        row["began_at"],
        row["last_seen_at"],
        row["expires_at"],
        row["client"],
    )
