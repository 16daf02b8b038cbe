"""Connections that outlive the agent's run keep their hello; ports used again meanwhile do not get it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from capture_agent.correlate.open_connections import (
    MAGIC,
    Handover,
    OpenConnection,
    UnusableHandover,
    decode_handover,
    encode_handover,
)
from capture_agent.events import FINGERPRINT_SPEC, JoinState

STOPPED, STARTED = 10_000.0, 15_000.0
"""The agent is away between the two, in milliseconds of the stage."""
IDLE_MS, LINGER_MS = 900_000.0, 60_000.0


@pytest.fixture
def restarted(stage: Any, stage_with: Any) -> Any:
    """Ends the stage's run and plays on a new one that took over its open connections, through bytes."""

    def restart(stopped: float = STOPPED, started: float = STARTED) -> Any:
        stage.watch(stopped)
        joined, connections = stage.correlator.hand_over()
        stage.settled += joined
        octets = encode_handover(Handover("web1", FINGERPRINT_SPEC, stage.time_us(stopped), connections))
        handover = decode_handover(octets, "web1")
        following = stage_with(began=started)
        following.taken_over = following.correlator.restore(
            handover.connections, handover.handed_over_us, stage.time_us(started)
        )
        return following

    return restart


def opened(stage: Any, conn: int, at: float, **given: Any) -> None:
    stage.opens(conn, at, **given)
    stage.hello(conn, at + 5, ja4=f"hello of {conn}")


def joins(stage: Any) -> list[tuple[JoinState, str | None]]:
    return [(joined.state, joined.hello and joined.hello.ja4) for joined in stage.settled]


def test_request_on_a_connection_older_than_the_restart_keeps_its_hello(stage: Any, restarted: Any) -> None:
    opened(stage, 1, 1_000)
    stage.request(1_010, start=1_002)
    after = restarted()
    after.opens(77, STARTED + 100, is_midstream=True)
    after.request(STARTED + 100, start=1_002)
    (joined,) = after.settled
    assert (joined.state, joined.hello.ja4, joined.conn_id) == (JoinState.MATCHED, "hello of 1", 1)
    assert joined.seq_on_conn == 2
    assert joined.hello_to_request_us == round((STARTED + 100 - 1_005) * 1_000)


def test_connection_that_began_on_the_same_ports_while_the_agent_was_away_is_midstream(
    stage: Any, restarted: Any
) -> None:
    opened(stage, 1, 1_000)
    after = restarted()
    after.opens(77, STARTED + 100, is_midstream=True)
    after.request(STARTED + 100, start=STOPPED + 2_000)
    after.watch(STARTED + 2_000)
    assert joins(after) == [(JoinState.MIDSTREAM, None)]


def test_request_of_unknown_connection_after_the_gap_is_ambiguous(stage: Any, restarted: Any) -> None:
    """A log without the connection's start: the old connection may have ended unseen."""
    opened(stage, 1, 1_000)
    after = restarted()
    after.request(STARTED + 100)
    (joined,) = after.settled
    assert (joined.state, joined.candidates, joined.confidence) == (JoinState.AMBIGUOUS, 2, 0.5)


def test_request_from_before_the_gap_that_is_reported_after_it_is_certain(stage: Any, restarted: Any) -> None:
    """A log that is followed says after the restart what was served before."""
    opened(stage, 1, 1_000)
    opened(stage, 2, 1_000, port=40_002)
    stage.closes(2, STOPPED - 50)
    after = restarted()
    after.request(STOPPED - 100, arrives=STARTED + 100)
    after.request(STOPPED - 100, port=40_002, arrives=STARTED + 100)
    assert joins(after) == [(JoinState.MATCHED, "hello of 1"), (JoinState.MATCHED, "hello of 2")]


def test_syn_on_the_same_ports_after_the_restart_ends_the_old_connection(stage: Any, restarted: Any) -> None:
    opened(stage, 1, 1_000)
    after = restarted()
    opened(after, 2, STARTED + 100)
    after.request(STARTED + 110, start=STARTED + 103)
    assert joins(after) == [(JoinState.MATCHED, "hello of 2")]


def test_connection_without_syn_or_hello_is_not_handed_over(stage: Any) -> None:
    stage.opens(1, 1_000, is_midstream=True)
    stage.opens(2, 1_000, port=40_002)
    stage.request(2_000, port=40_003, start=1_900)
    stage.watch(3_000)
    _, connections = stage.correlator.hand_over()
    assert connections == ()


def test_hello_of_a_handed_over_connection_is_not_called_unused(stage: Any, restarted: Any) -> None:
    opened(stage, 1, 1_000)
    after = restarted()
    assert stage.correlator.hellos_unused == 0
    after.ends()
    assert after.correlator.hellos_unused == 1


@pytest.mark.parametrize(
    ("away_ms", "taken_over"),
    [(LINGER_MS - 1_000, 2), (LINGER_MS + 1_000, 1), (IDLE_MS - 1_000, 1), (IDLE_MS + 1_000, 0)],
)
def test_connections_too_old_to_be_remembered_are_left_out(
    stage: Any, restarted: Any, away_ms: float, taken_over: int
) -> None:
    opened(stage, 1, STOPPED - 500)
    stage.closes(1, STOPPED - 100, is_final=False)
    opened(stage, 2, STOPPED - 500, port=40_002)
    stage.closes(2, STOPPED - 100)
    assert restarted(started=STOPPED + away_ms).taken_over == taken_over


def test_proxied_connection_is_found_under_the_clients_address(stage: Any, restarted: Any) -> None:
    stage.opens(1, 1_000, port=50_000)
    stage.proxied_hello(1, 1_005, port=40_000)
    after = restarted()
    after.request(STARTED + 100, start=1_003)
    assert joins(after) == [(JoinState.MATCHED, "behind-proxy")]


@pytest.fixture
def octets(stage: Any) -> bytes:
    """What a run with one connection hands over."""
    opened(stage, 1, 1_000)
    _, connections = stage.correlator.hand_over()
    return encode_handover(Handover("web1", FINGERPRINT_SPEC, stage.time_us(STOPPED), connections))


def test_each_damaged_byte_is_noticed(octets: bytes) -> None:
    for at in range(len(octets)):
        damaged = octets[:at] + bytes((octets[at] ^ 0x20,)) + octets[at + 1 :]
        with pytest.raises(UnusableHandover):
            decode_handover(damaged, "web1")
    for length in range(len(octets)):
        with pytest.raises(UnusableHandover):
            decode_handover(octets[:length], "web1")


def test_what_another_sensor_or_version_wrote_is_refused(octets: bytes) -> None:
    with pytest.raises(UnusableHandover, match="of another sensor, web1"):
        decode_handover(octets, "web2")
    with pytest.raises(UnusableHandover, match="not written by this version"):
        decode_handover(octets.replace(MAGIC, b"ja4-agent open connections 2\n"), "web1")
    other_rules = encode_handover(Handover("web1", FINGERPRINT_SPEC + 1, 1, ()))
    with pytest.raises(UnusableHandover, match=f"follow rules {FINGERPRINT_SPEC + 1}"):
        decode_handover(other_rules, "web1")


def test_no_more_is_handed_over_than_the_bounds_allow(octets: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connections that were used last stay."""
    (one,) = decode_handover(octets, "web1").connections
    many = [msgspec.structs.replace(one, conn_id=number, touched_us=number) for number in range(40)]

    def kept() -> list[OpenConnection]:
        encoded = encode_handover(Handover("web1", FINGERPRINT_SPEC, 1, tuple(reversed(many))))
        return list(decode_handover(encoded, "web1").connections)

    assert kept() == many
    monkeypatch.setattr("capture_agent.correlate.open_connections.MAX_CONNECTIONS", 30)
    assert kept() == many[10:]
    monkeypatch.setattr("capture_agent.correlate.open_connections.MAX_HANDOVER_BYTES", 10 * len(octets))
    assert 0 < len(kept()) < 30
    assert kept()[-1] == many[-1]
