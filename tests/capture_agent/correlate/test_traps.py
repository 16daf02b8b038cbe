"""Known ways in which joins of requests and handshakes went wrong elsewhere; each has its test."""

from __future__ import annotations

from typing import Any

import pytest

from capture_agent.events import JoinState

HOUR_MS = 3_600_000


def test_keep_alive_request_long_after_the_handshake_is_matched(stage: Any) -> None:
    """Comparing request time with handshake time made every request after 10 s an orphan."""
    stage.opens(1, 0)
    stage.hello(1, 5)
    for at in (10, 15_000, 600_000):
        stage.request(at)
    assert [joined.state for joined in stage.settled] == [JoinState.MATCHED] * 3


def test_waiting_request_is_judged_by_its_own_time_not_by_the_time_it_is_settled(stage: Any) -> None:
    """The same comparison, applied to requests that wait."""
    stage.opens(1, 0)
    stage.request(10)
    stage.watch(400)
    stage.late_hello(1, 5)
    (joined,) = stage.settled
    assert (joined.state, joined.hello_to_request_us) == (JoinState.MATCHED, 5_000)


def test_expiry_of_a_connection_releases_its_waiting_requests(stage_with: Any) -> None:
    stage = stage_with(wait_us=500_000, linger_us=100_000)
    stage.opens(1, 0)
    stage.request(10)
    stage.closes(1, 20)
    stage.watch(200)
    assert (stage.correlator.waiting, stage.settled) == (1, [])
    stage.watch(510)
    assert (stage.correlator.waiting, len(stage.settled)) == (0, 1)


def test_orphans_are_drained_by_time_alone_without_a_further_event(stage: Any) -> None:
    stage.request(10)
    stage.settled += stage.correlator.advance(stage.time_us(510))
    assert [j.state for j in stage.settled] == [JoinState.NO_HELLO]


def test_one_client_port_talking_to_two_local_addresses_is_two_connections(stage: Any) -> None:
    stage.opens(1, 0, server="198.51.100.1")
    stage.hello(1, 1, ja4="to-first")
    stage.opens(2, 2, server="198.51.100.2")
    stage.hello(2, 3, ja4="to-second")
    stage.request(10, server="198.51.100.1")
    stage.request(11, server="198.51.100.2")
    assert [joined.hello.ja4 for joined in stage.settled] == ["to-first", "to-second"]


def test_port_reuse_maps_a_request_to_the_epoch_that_contains_its_connection_start(stage: Any) -> None:
    """The nearest hello is the second one; the request was read late and belongs to the first."""
    stage.opens(1, 0)
    stage.hello(1, 1, ja4="first")
    stage.closes(1, 100)
    stage.opens(2, 110)
    stage.hello(2, 111, ja4="second")
    stage.request(112, start=0.5)
    stage.request(113, start=110.5)
    assert [(j.state, j.hello.ja4) for j in stage.settled] == [
        (JoinState.MATCHED, "first"),
        (JoinState.MATCHED, "second"),
    ]


def test_port_reuse_without_a_connection_start_uses_the_request_time(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 1, ja4="first")
    stage.closes(1, 100)
    stage.opens(2, 110)
    stage.hello(2, 111, ja4="second")
    stage.request(50, arrives=115)
    stage.request(112, arrives=116)
    assert [j.hello.ja4 for j in stage.settled] == ["first", "second"]


@pytest.mark.parametrize(
    ("clocks_us", "times_us", "is_told_apart"), [(1_000, 0, False), (100, 1_000, False), (100, 0, True)]
)
def test_epochs_closer_than_clocks_and_log_can_tell_are_ambiguous_with_their_count(
    stage_with: Any, clocks_us: int, times_us: int, is_told_apart: bool
) -> None:
    stage = stage_with(tolerance_us=clocks_us)
    stage.opens(1, 0)
    stage.hello(1, 1)
    stage.closes(1, 100)
    stage.opens(2, 100.4)
    stage.hello(2, 100.5)
    stage.request(100.6, time_error_us=times_us)
    (joined,) = stage.settled
    if is_told_apart:
        assert (joined.state, joined.confidence, joined.conn_id) == (JoinState.MATCHED, 1.0, 2)
        return
    assert (joined.state, joined.candidates, joined.confidence) == (JoinState.AMBIGUOUS, 2, 0.5)
    assert joined.conn_id == 2


def test_port_used_many_times_before_the_first_report_keeps_each_hello(stage: Any) -> None:
    """A block of the ring brings the packets of up to a tenth of a second at once."""
    for conn in range(50):
        stage.opens(conn, conn * 2)
        stage.hello(conn, conn * 2 + 1)
        stage.closes(conn, conn * 2 + 1.5)
    for conn in range(50):
        stage.request(conn * 2 + 1.2, start=conn * 2 + 0.5, arrives=101)
    assert [(j.state, j.conn_id) for j in stage.settled] == [(JoinState.MATCHED, conn) for conn in range(50)]


def test_attempt_without_hello_on_the_same_ports_is_no_second_candidate(stage: Any) -> None:
    stage.opens(1, 0)
    stage.closes(1, 10)
    stage.opens(2, 10.2)
    stage.hello(2, 10.3)
    stage.request(10.5)
    assert (stage.settled[0].state, stage.settled[0].candidates) == (JoinState.MATCHED, 1)


def test_connection_older_than_the_capture_is_midstream_and_not_an_orphan(stage: Any) -> None:
    stage.opens(1, 100, is_midstream=True)
    stage.request(105, start=-5_000)
    stage.watch(700)
    (joined,) = stage.settled
    assert (joined.state, joined.conn_id, joined.confidence) == (JoinState.MIDSTREAM, 1, 0.0)


def test_unseen_connection_that_began_before_the_capture_is_midstream(stage: Any) -> None:
    stage.request(5, start=-10)
    stage.ends()
    assert stage.settled[0].state is JoinState.MIDSTREAM


def test_hello_on_a_connection_met_in_midstream_is_matched_with_less_confidence(stage: Any) -> None:
    stage.opens(1, 0, is_midstream=True)
    stage.hello(1, 1)
    stage.request(10)
    assert (stage.settled[0].state, stage.settled[0].confidence) == (JoinState.MATCHED, 0.9)


def test_idle_time_starts_anew_at_each_request(stage_with: Any) -> None:
    stage = stage_with(idle_us=10_000_000)
    stage.opens(1, 0)
    stage.hello(1, 1)
    stage.closes(1, 2, is_final=False)
    for at in (9_000, 18_000, 27_000):
        stage.request(at)
    assert [j.state for j in stage.settled] == [JoinState.MATCHED] * 3
    stage.request(38_000)
    stage.ends()
    assert stage.settled[3].state is not JoinState.MATCHED


def test_kept_alive_connection_that_the_flow_table_forgot_and_found_again_keeps_its_hello(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 1)
    stage.closes(1, 300_000, is_final=False)
    stage.opens(2, 400_000, is_midstream=True)
    stage.request(400_001)
    (joined,) = stage.settled
    assert (joined.state, joined.conn_id, joined.confidence) == (JoinState.MATCHED, 1, 0.9)


def test_syn_after_a_forgotten_connection_opens_a_new_epoch(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 1, ja4="old")
    stage.closes(1, 300_000, is_final=False)
    stage.opens(2, 400_000)
    stage.hello(2, 400_001, ja4="new")
    stage.request(400_005)
    assert (stage.settled[0].state, stage.settled[0].hello.ja4) == (JoinState.MATCHED, "new")


def test_early_data_request_reported_before_its_hello_is_matched(stage: Any) -> None:
    """A TLS 1.3 0-RTT request arrives with the hello, so the server can report it first."""
    stage.opens(1, 0)
    stage.watch(2)
    stage.report(2)
    assert stage.settled == []
    stage.late_hello(1, 2)
    (joined,) = stage.settled
    assert (joined.state, joined.confidence, joined.hello_to_request_us) == (JoinState.MATCHED, 1.0, 0)


def test_events_of_a_clock_with_a_known_offset_are_matched(stage_with: Any) -> None:
    stage = stage_with(clock_offset_us=500_000)
    stage.opens(1, 0)
    stage.hello(1, 5)
    stage.closes(1, 100)
    stage.request(510, arrives=512, start=501)
    (joined,) = stage.settled
    assert (joined.state, joined.hello_to_request_us) == (JoinState.MATCHED, 5_000)


@pytest.mark.parametrize("tolerance_us", [0, 100, 1_000])
def test_request_slightly_before_its_syn_is_matched_if_no_connection_is_closer(
    stage_with: Any, tolerance_us: int
) -> None:
    stage = stage_with(tolerance_us=tolerance_us)
    stage.opens(1, 10)
    stage.hello(1, 10)
    stage.request(9.5, arrives=11)
    stage.request(8, arrives=12)
    stage.ends()
    assert [(j.state, j.confidence) for j in stage.settled] == [
        (JoinState.MATCHED, 0.9),
        (JoinState.NO_HELLO, 0.0),
    ]


def test_request_waits_until_the_packets_of_its_time_have_been_seen(stage: Any) -> None:
    """Without that, a lagging capture would join it with the previous connection on its ports."""
    stage.opens(1, 0)
    stage.hello(1, 1, ja4="old")
    stage.report(50)
    assert stage.settled == []
    stage.closes(1, 20)
    stage.opens(2, 30)
    stage.hello(2, 31, ja4="new")
    stage.watch(50)
    (joined,) = stage.settled
    assert (joined.hello.ja4, joined.confidence) == ("new", 1.0)


def test_websocket_reported_after_hours_is_matched(stage: Any) -> None:
    """One request, logged when it ends; the flow table follows its packets meanwhile."""
    stage.opens(1, 0)
    stage.hello(1, 1)
    for hour in range(1, 9):
        stage.watch(hour * HOUR_MS)
    stage.request(10, arrives=9 * HOUR_MS, dur_us=9 * HOUR_MS * 1_000)
    assert stage.settled[0].state is JoinState.MATCHED


def test_request_reported_shortly_after_the_connection_ended_is_matched(stage: Any) -> None:
    """Servers write their log after the response, which with HTTP/1.0 is after the FIN."""
    stage.opens(1, 0)
    stage.hello(1, 1)
    stage.closes(1, 20)
    stage.request(10, arrives=5_000)
    assert stage.settled[0].state is JoinState.MATCHED


def test_connection_behind_a_proxy_is_found_under_the_addresses_of_its_proxy_header(stage: Any) -> None:
    """The server reports the client that the header names, the packets carry the proxy's address."""
    stage.opens(1, 0, port=61_000)
    stage.report(2, port=40_000)
    stage.proxied_hello(1, 3, port=40_000)
    stage.request(5, port=40_000)
    stage.request(6, port=61_000)
    assert [(j.state, j.conn_id) for j in stage.settled] == [(JoinState.MATCHED, 1)] * 3
    stage.closes(1, 10)
    stage.watch(70_010)
    assert stage.correlator.open_epochs == 0
