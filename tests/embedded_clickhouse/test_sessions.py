"""Sessions: one request at a time, gone after their time, bounded in number."""

from __future__ import annotations

import pytest

from embedded_clickhouse import sessions
from embedded_clickhouse.errors import QueryError
from embedded_clickhouse.sessions import SessionStore


class ScriptedConnection:
    """Stands for the engine's connection; remembers that it was closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_second_request_of_a_busy_session_gets_code_373() -> None:
    store = SessionStore(Clock())
    with store.lease("s", 60, must_exist=False, closes=False):
        with pytest.raises(QueryError) as caught, store.lease("s", 60, must_exist=False, closes=False):
            pass
        with store.lease("other", 60, must_exist=False, closes=False):
            pass
    assert caught.value.code == 373


def test_session_that_must_exist_and_does_not_gets_code_372() -> None:
    store = SessionStore(Clock())
    with pytest.raises(QueryError) as caught, store.lease("s", 60, must_exist=True, closes=False):
        pass
    assert caught.value.code == 372


def test_session_ends_after_its_timeout_and_closes_its_connection() -> None:
    clock = Clock()
    store = SessionStore(clock)
    connection = ScriptedConnection()
    with store.lease("s", 60, must_exist=False, closes=False) as session:
        session.maybe_connection = connection  # type: ignore[assignment]
    clock.now += 59
    with store.lease("s", 60, must_exist=True, closes=False) as session:
        assert session.maybe_connection is connection
    clock.now += 61
    with pytest.raises(QueryError), store.lease("s", 60, must_exist=True, closes=False):
        pass
    assert connection.is_closed


def test_session_that_the_client_closes_is_gone() -> None:
    store = SessionStore(Clock())
    connection = ScriptedConnection()
    with store.lease("s", 60, must_exist=False, closes=True) as session:
        session.maybe_connection = connection  # type: ignore[assignment]
    assert connection.is_closed


def test_number_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 10)
    clock = Clock()
    store = SessionStore(clock)
    connections = []
    for place in range(30):
        clock.now += 0.01
        with store.lease(f"s{place}", 600, must_exist=False, closes=False) as session:
            connections.append(ScriptedConnection())
            session.maybe_connection = connections[-1]  # type: ignore[assignment]
    assert sum(not connection.is_closed for connection in connections) == 10
    assert not connections[-1].is_closed
