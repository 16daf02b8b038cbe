"""How requests find their hello: the ordinary cases, and what each join state means."""

from __future__ import annotations

from typing import Any

from capture_agent.events import JoinState, Quality


def test_request_on_an_observed_connection_is_matched_with_certainty(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5)
    stage.request(12)
    (joined,) = stage.settled
    assert (joined.state, joined.candidates, joined.confidence) == (JoinState.MATCHED, 1, 1.0)
    assert joined.conn_id == 1
    assert joined.hello.ja4 == "t13d_a"
    assert joined.hello_to_request_us == 7_000


def test_a_thousand_requests_of_one_http2_connection_share_one_hello(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5)
    for stream in range(1_000):
        stage.request(10 + stream / 1_000, proto="HTTP/2.0")
    assert {joined.state for joined in stage.settled} == {JoinState.MATCHED}
    assert {joined.conn_id for joined in stage.settled} == {1}
    assert [joined.seq_on_conn for joined in stage.settled] == list(range(1, 1_001))


def test_the_servers_own_request_number_is_kept(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5)
    stage.request(10, conn_req=7)
    assert stage.settled[0].seq_on_conn == 7


def test_request_without_any_packet_of_its_connection_is_no_hello_after_the_wait(stage: Any) -> None:
    stage.request(10)
    assert stage.settled == []
    stage.watch(509)
    assert stage.settled == []
    stage.watch(510)
    (joined,) = stage.settled
    assert (joined.state, joined.candidates, joined.confidence) == (JoinState.NO_HELLO, 0, 0.0)
    assert joined.hello is None


def test_requests_of_an_unseen_connection_share_an_id_and_are_numbered(stage: Any) -> None:
    stage.request(10)
    stage.request(20)
    stage.request(30, port=40_001)
    stage.ends()
    first, second, other = stage.settled
    assert first.conn_id == second.conn_id != other.conn_id
    assert [first.seq_on_conn, second.seq_on_conn, other.seq_on_conn] == [1, 2, 1]


def test_unseen_connections_with_different_starts_have_different_ids(stage: Any) -> None:
    stage.request(10, start=9)
    stage.request(30, start=29)
    stage.ends()
    assert stage.settled[0].conn_id != stage.settled[1].conn_id


def test_cleartext_request_is_settled_at_once_and_never_waits(stage: Any) -> None:
    stage.request(10, scheme="http")
    (joined,) = stage.settled
    assert (joined.state, joined.confidence) == (JoinState.CLEARTEXT, 0.0)


def test_malformed_hello_leaves_the_request_without_one_but_keeps_the_connection(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5, quality=Quality.MALFORMED)
    stage.request(10)
    stage.watch(600)
    (joined,) = stage.settled
    assert (joined.state, joined.conn_id, joined.hello) == (JoinState.NO_HELLO, 1, None)


def test_first_usable_hello_stays_when_a_second_follows_a_retry_request(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5, ja4="first")
    stage.hello(1, 6, ja4="second")
    stage.request(10)
    assert stage.settled[0].hello.ja4 == "first"


def test_http3_request_joins_the_quic_connection_and_not_tcp_on_the_same_ports(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 1, ja4="over-tcp")
    stage.request(10, proto="HTTP/3.0")
    stage.ends()
    assert stage.settled[0].state is JoinState.NO_HELLO


def test_hellos_that_nobody_used_are_counted_when_their_connection_is_forgotten(stage: Any) -> None:
    stage.opens(1, 0)
    stage.hello(1, 5)
    stage.opens(2, 6, port=40_001)
    stage.hello(2, 7)
    stage.request(8, port=40_001)
    stage.closes(1, 20)
    assert stage.correlator.hellos_unused == 0
    stage.watch(20 + 60_000)
    assert stage.correlator.hellos_unused == 1
    stage.ends()
    assert stage.correlator.hellos_unused == 1


def test_both_orders_of_arrival_give_the_same_join(stage_with: Any) -> None:
    hello_first, request_first = stage_with(), stage_with()
    for stage in (hello_first, request_first):
        stage.opens(1, 0)
    hello_first.hello(1, 5)
    hello_first.request(6)
    request_first.request(6)
    request_first.late_hello(1, 5)
    assert hello_first.settled == request_first.settled
    assert len(hello_first.settled) == 1
