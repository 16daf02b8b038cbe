"""Whatever the traffic on one 5-tuple, a request is joined with the connection that carried it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from capture_agent.events import JoinState

MAX_CONNECTIONS = 8
"""Fewer than are remembered of one 5-tuple."""

connections = st.lists(
    st.fixed_dictionaries(
        {
            "gap": st.integers(3, 5_000),
            "lasts": st.integers(20, 3_000),
            "requests": st.lists(st.tuples(st.floats(0.3, 0.99), st.integers(0, 400)), max_size=4),
            "ends": st.booleans(),
        }
    ),
    min_size=1,
    max_size=MAX_CONNECTIONS,
)


def script_of(drawn: list[dict[str, Any]]) -> list[tuple[float, int, str, dict[str, Any]]]:
    """(time, order, what, details) of connections one after another on the same ports, in the order of time.

    The server accepts a connection 3 ms after its SYN: more than the clocks may be apart by default, or the
    request would rightly be ambiguous where that SYN ended another connection. A report comes up to
    400 ms after its request, so often after the next connection was opened.
    """
    script: list[tuple[float, int, str, dict[str, Any]]] = []
    at = 10.0
    for conn, one in enumerate(drawn):
        opened = at + one["gap"]
        closed = opened + one["lasts"]
        script.append((opened, 0, "opens", {"conn": conn}))
        script.append((opened + 5, 1, "hello", {"conn": conn}))
        for share, delay in one["requests"]:
            read = opened + 5 + (one["lasts"] - 6) * share
            details = {"read": read, "start": opened + 3, "target": f"/{conn}"}
            script.append((read + delay, 2, "request", details))
        # Without an end in sight, the SYN of the next connection ends it.
        if one["ends"]:
            script.append((closed, 3, "closes", {"conn": conn}))
        at = closed
    return sorted(script, key=lambda step: step[:2])


def play(stage: Any, drawn: list[dict[str, Any]], *, knows_start: bool) -> None:
    for time, _, what, details in script_of(drawn):
        if what == "opens":
            for conn in range(details["conn"]):
                if not drawn[conn]["ends"]:
                    stage.closes(conn, time)
            stage.opens(details["conn"], time)
        elif what == "hello":
            stage.hello(details["conn"], time, ja4=f"hello-{details['conn']}")
        elif what == "closes":
            stage.closes(details["conn"], time)
        else:
            start = details["start"] if knows_start else None
            stage.request(details["read"], start=start, unparsed_uri=details["target"], arrives=time)
    stage.ends()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(connections, st.booleans())
def test_every_request_finds_the_hello_of_its_own_connection(
    stage_with: Callable[..., Any], drawn: list[dict[str, Any]], knows_start: bool
) -> None:
    stage = stage_with()
    play(stage, drawn, knows_start=knows_start)
    assert len(stage.settled) == sum(len(one["requests"]) for one in drawn)
    for joined in stage.settled:
        assert joined.state is JoinState.MATCHED
        assert joined.hello.ja4 == f"hello-{joined.event.unparsed_uri[1:]}"
        assert joined.conn_id == int(joined.event.unparsed_uri[1:])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(connections, st.sets(st.integers(0, MAX_CONNECTIONS - 1)))
def test_connection_without_a_hello_never_borrows_that_of_another(
    stage_with: Callable[..., Any], drawn: list[dict[str, Any]], silent: set[int]
) -> None:
    stage = stage_with()
    hello = stage.hello
    stage.hello = lambda conn, at, ja4: stage.watch(at) if conn in silent else hello(conn, at, ja4=ja4)
    play(stage, drawn, knows_start=True)
    for joined in stage.settled:
        conn = int(joined.event.unparsed_uri[1:])
        assert joined.state is (JoinState.NO_HELLO if conn in silent else JoinState.MATCHED)
        assert (None if joined.hello is None else joined.hello.ja4) == (
            None if conn in silent else f"hello-{conn}"
        )
