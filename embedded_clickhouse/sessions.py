"""Sessions of the HTTP interface: settings, current database and temporary tables that outlive a request.

Clients send a session_id with every request, but few use one: a session gets a connection of its own
with its first SET, USE or TEMPORARY statement. Until then it is only a name that two requests cannot
use at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedded_clickhouse.errors import SESSION_IS_LOCKED, SESSION_NOT_FOUND, refusal

if TYPE_CHECKING:
    from embedded_clickhouse.engine import Connection

MAX_SESSIONS = 10_000
SWEEP_INTERVAL_S = 5.0


@dataclass(slots=True)
class Session:
    """One session. `maybe_connection` is None until a statement leaves something behind."""

    expires_at: float
    is_busy: bool = False
    maybe_connection: Connection | None = None


class SessionStore:
    """All sessions of the process, at most 10,000: beyond that the ones closest to expiry go."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._next_sweep = 0.0

    @contextmanager
    def lease(self, session_id: str, timeout_s: int, *, must_exist: bool, closes: bool) -> Iterator[Session]:
        """The session for the time of one request.

        Raises QueryError 373 if another request holds it, 372 if it `must_exist` and does not.
        """
        session = self._take(session_id, must_exist)
        try:
            yield session
        finally:
            with self._lock:
                session.is_busy = False
                session.expires_at = self._clock() + timeout_s
                ended = self._sessions.pop(session_id, None) if closes else None
            _close([ended] if ended is not None else [])

    def _take(self, session_id: str, must_exist: bool) -> Session:
        with self._lock:
            expired = self._expired()
            session = self._sessions.get(session_id)
            if session is None and not must_exist:
                session = self._sessions[session_id] = Session(expires_at=self._clock())
            is_locked = session is not None and session.is_busy
            if session is not None and not is_locked:
                session.is_busy = True
        _close(expired)
        if session is None:
            raise refusal(SESSION_NOT_FOUND, f"Session {session_id} not found")
        if is_locked:
            raise refusal(SESSION_IS_LOCKED, f"Session {session_id} is locked by a concurrent client")
        return session

    def _expired(self) -> list[Session]:
        now = self._clock()
        if now < self._next_sweep and len(self._sessions) < MAX_SESSIONS:
            return []
        self._next_sweep = now + SWEEP_INTERVAL_S
        idle = sorted((s.expires_at, name) for name, s in self._sessions.items() if not s.is_busy)
        surplus = max(0, len(self._sessions) - MAX_SESSIONS + 1)
        gone = [name for place, (expires_at, name) in enumerate(idle) if expires_at <= now or place < surplus]
        return [self._sessions.pop(name) for name in gone]

    def close(self) -> None:
        """Close every session's connection, at the end of the process."""
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        _close(sessions)


def _close(sessions: list[Session]) -> None:
    for session in sessions:
        if session.maybe_connection is not None:
            session.maybe_connection.close()
