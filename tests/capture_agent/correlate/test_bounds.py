"""The correlator's tables are bounded, and what a bound costs is counted."""

from __future__ import annotations

from typing import Any

from capture_agent.events import JoinState


def test_full_waiting_room_drops_and_counts_the_newcomer(stage_with: Any) -> None:
    stage = stage_with(max_waiting=2)
    for port in (1, 2, 3):
        stage.request(10, port=port)
    assert (stage.correlator.waiting, stage.correlator.requests_dropped) == (2, 1)
    stage.ends()
    assert len(stage.settled) == 2


def test_oldest_unused_connection_makes_way_and_its_hello_counts_as_unused(stage_with: Any) -> None:
    stage = stage_with(max_epochs=2)
    for conn in (1, 2, 3):
        stage.opens(conn, conn, port=conn)
        stage.hello(conn, conn + 0.5)
    assert (stage.correlator.open_epochs, stage.correlator.epochs_evicted) == (2, 1)
    assert stage.correlator.hellos_unused == 1
    stage.request(10, port=1)
    stage.request(11, port=3)
    stage.ends()
    assert {j.event.src_port: j.state for j in stage.settled} == {
        1: JoinState.NO_HELLO,
        3: JoinState.MATCHED,
    }


def test_request_protects_its_connection_from_eviction(stage_with: Any) -> None:
    stage = stage_with(max_epochs=2)
    stage.opens(1, 1, port=1)
    stage.hello(1, 1)
    stage.opens(2, 2, port=2)
    stage.hello(2, 2)
    stage.request(3, port=1)
    stage.opens(3, 4, port=3)
    stage.request(5, port=1)
    assert [j.state for j in stage.settled] == [JoinState.MATCHED] * 2


def test_port_scanner_cannot_lengthen_the_search_on_one_key(stage_with: Any) -> None:
    stage = stage_with(max_epochs_per_key=4)
    for conn in range(100):
        stage.opens(conn, conn)
        stage.closes(conn, conn + 0.5)
    assert stage.correlator.open_epochs == 4
    assert stage.correlator.epochs_evicted == 96


def test_flood_of_short_connections_is_forgotten_after_the_linger_time(stage: Any) -> None:
    for conn in range(1_000):
        stage.opens(conn, conn / 10, port=conn)
        stage.closes(conn, conn / 10)
    assert stage.correlator.open_epochs == 1_000
    stage.watch(61_000)
    assert stage.correlator.open_epochs == 0


def test_events_of_unknown_connections_are_harmless(stage: Any) -> None:
    stage.closes(99, 1)
    stage.late_hello(99, 1)
    stage.ends()
    assert stage.settled == []


def test_nothing_is_left_after_the_end(stage: Any) -> None:
    stage.opens(1, 0)
    stage.request(10)
    stage.ends()
    assert (stage.correlator.waiting, stage.correlator.open_epochs) == (0, 0)
