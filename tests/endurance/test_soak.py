"""Short forms of bench/soak.py: what was sent is stored once or counted as lost. No test looks at times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from capture_agent.flows.limits import FlowLimits

if TYPE_CHECKING:
    from endurance.scenario import Outcome

MAX_STRAY_FRAMES = 5
"""What the kernel of a namespace says of its own accord while an interface comes up."""

ROWS_PER_CONNECTION = 3.5
"""A hello, and two and a half requests."""
BATCH_AGE_S = 2.0
TICKS_PER_KILL = 1

pytestmark = [pytest.mark.root, pytest.mark.slow]


def test_every_packet_is_seen_or_counted_as_dropped(outage: Outcome) -> None:
    ledger = outage.ledger
    seen = ledger["frames_seen"] + ledger["frames_dropped_kernel"]
    assert outage.sent.frames <= seen <= outage.sent.frames + MAX_STRAY_FRAMES
    assert ledger["frames_dropped_kernel"] == 0


def test_every_connection_has_its_hello_once_although_the_database_was_killed(outage: Outcome) -> None:
    assert outage.sent.connections == 1_800
    assert outage.stored["hellos"] == outage.stored["hellos_once"] == outage.sent.connections
    assert outage.ledger["hellos_complete"] + outage.ledger["hellos_reassembled"] == outage.sent.connections


def test_every_request_is_stored_once_and_has_the_hello_of_its_own_connection(outage: Outcome) -> None:
    sent = outage.sent
    assert (
        outage.stored["requests"] == outage.stored["requests_once"] == sent.requests - sent.requests_dropped
    )
    assert outage.stored["matched"] == outage.stored["right"] == outage.stored["requests"]
    assert outage.ledger["http_events_lost"] == sent.requests_dropped


def test_books_of_an_outage_balance(outage: Outcome) -> None:
    """What was inserted before the last ledger and after it is what the database holds."""
    stopped = outage.stopped
    assert outage.exit_code == 0
    assert outage.left_in_spool == 0
    assert stopped["rows_spooled"] > 0
    assert stopped.get("rows_discarded", 0) == 0
    assert stopped["rows_inserted"] == (
        outage.stored["hellos"] + outage.stored["requests"] + outage.stored["ticks"]
    )


def test_killed_agent_doubles_nothing(killed: Outcome) -> None:
    assert killed.kills == 2
    assert killed.stored["hellos"] == killed.stored["hellos_once"]
    assert killed.stored["requests"] == killed.stored["requests_once"]


def test_ledger_says_how_many_requests_a_killed_agent_has_lost(killed: Outcome) -> None:
    """Those that became no row: unheard, or under way inside a run. The others are among its rows."""
    missing = killed.sent.requests - killed.stored["requests"]
    lost, rows = killed.ledger["http_events_lost"], killed.ledger["rows_discarded"]
    assert killed.sent.requests_dropped <= lost <= missing <= lost + rows


def test_ledger_tells_of_no_more_rows_than_a_killed_agent_had_in_memory(killed: Outcome) -> None:
    """A hello is lost with its agent, or was sent while there was none; an insert under way may be stored."""
    sent, stored = killed.sent, killed.stored
    missing = sent.requests + sent.connections - stored["requests"] - stored["hellos"]
    inserts = killed.kills * killed.plan.connections_per_s * ROWS_PER_CONNECTION * BATCH_AGE_S
    told = killed.ledger["http_events_lost"] + killed.ledger["rows_discarded"]
    assert told <= missing + TICKS_PER_KILL * killed.kills + inserts


def test_flood_is_bounded_and_counted_and_honest_clients_are_joined(flooded: Outcome) -> None:
    ledger, handshakes = flooded.ledger, flooded.flood["handshakes"]
    assert handshakes == 45_000
    sent = flooded.sent.frames + 2 * handshakes
    assert sent <= ledger["frames_seen"] + ledger["frames_dropped_kernel"] <= sent + MAX_STRAY_FRAMES
    # A machine that is busy with other things may drop frames: they are counted, and evict or join nothing.
    dropped = ledger["frames_dropped_kernel"]
    kept = FlowLimits().max_half_open + flooded.sent.connections
    assert ledger["flows_evicted_full"] >= handshakes - kept - dropped
    assert flooded.stored["right"] >= 0.95 * flooded.sent.requests - dropped
