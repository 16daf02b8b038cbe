"""When a connection epoch opens and closes, and what it is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.events import Transport
from capture_agent.flows.flow_events import CloseReason, connection_id

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


def test_an_epoch_opens_with_the_clients_second_segment_and_has_the_time_of_its_syn(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    started = feeder.now_us
    assert feeder.feed([talk.syn(), talk.syn_ack()]) == []
    [opened] = feeder.feed([talk.ack()])
    assert opened.epoch.opened_us == started
    assert not opened.epoch.is_midstream
    assert (opened.epoch.src_port, opened.epoch.dst_port) == (40_000, 443)
    syn = opened.epoch.syn
    assert (syn.ttl, syn.window, syn.ip_df, syn.ip_id) == (57, 64240, True, 4711)
    assert (syn.mss, syn.window_scale, syn.option_kinds) == (1460, 7, (2, 4, 8, 1, 3))


def test_a_repeated_syn_does_not_move_the_opening(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    started = feeder.now_us
    feeder.feed([talk.syn(), talk.syn(), talk.syn_ack(), talk.ack(), talk.syn()])
    assert [opened.epoch.opened_us for opened in feeder.opened] == [started]
    assert feeder.closed == []


def test_frames_seen_twice_give_one_epoch_and_one_hello(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    once = [*talk.opening(), talk.data(hello_stream("curl-h2"))]
    feeder.feed([segment for segment in once for _ in range(2)])
    feeder.feed([talk.segment(FIN | ACK, offset=600)] * 2 + [talk.segment(FIN | ACK, from_server=True)] * 2)
    assert (len(feeder.opened), len(feeder.hellos), len(feeder.closed)) == (1, 1, 1)


def test_fin_of_both_sides_closes(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(talk.opening())
    assert feeder.feed([talk.segment(FIN | ACK)]) == []
    [closed] = feeder.feed([talk.segment(FIN | ACK, from_server=True)])
    assert closed.reason is CloseReason.FIN
    assert closed.conn_id == feeder.opened[0].epoch.conn_id


@pytest.mark.parametrize("from_server", [False, True])
def test_a_reset_of_either_side_closes(from_server: bool, kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(talk.opening())
    [closed] = feeder.feed([talk.segment(RST, from_server=from_server)])
    assert closed.reason is CloseReason.RESET


def test_a_refused_connection_opens_no_epoch(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.syn(), talk.segment(RST | ACK, from_server=True, offset=0)])
    assert feeder.events == []
    assert len(feeder.table) == 0
    assert feeder.table.counters.flows_closed == feeder.table.counters.flows_opened == 1


def test_the_same_ports_with_another_initial_number_are_a_new_epoch(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    feeder = kit.feeder()
    first, second = kit.conversation(isn=1), kit.conversation(isn=99_000)
    feeder.feed([*first.opening(), first.data(hello_stream("curl-h2"))])
    feeder.feed([*second.opening(), second.data(hello_stream("curl-h2"))])
    assert [closed.reason for closed in feeder.closed] == [CloseReason.REOPENED]
    assert len({opened.epoch.conn_id for opened in feeder.opened}) == 2
    assert len(feeder.hellos) == 2


def test_silence_closes(kit: Any) -> None:
    feeder, talk = kit.feeder(idle_us=60_000_000), kit.conversation()
    feeder.feed(talk.opening())
    feeder.wait(55_000_000)
    feeder.feed([talk.answer(b"x")])
    feeder.wait(55_000_000)
    assert feeder.closed == []
    feeder.wait(20_000_000)
    assert [closed.reason for closed in feeder.closed] == [CloseReason.IDLE]
    assert feeder.table.counters.flows_evicted_idle == 1


def test_a_syn_ack_without_its_syn_still_tells_where_the_stream_starts(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.syn_ack(), talk.data(stream[100:], 100), talk.data(stream[:100])])
    [hello] = feeder.hellos
    assert hello.segments == 2
    assert hello.epoch.syn is None
    assert not hello.epoch.is_midstream
    assert hello.syn_to_hello_us is None


def test_a_connection_older_than_the_capture_is_midstream(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.data(b"\x17\x03\x03\0\x20" + bytes(32), 70_000)])
    [opened] = feeder.opened
    assert opened.epoch.is_midstream
    assert opened.epoch.src_port == 40_000
    assert opened.epoch.syn is None


def test_a_midstream_connection_first_seen_from_its_server_has_the_same_client(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.answer(b"\x17\x03\x03\0\x20" + bytes(32), 70_000)])
    assert feeder.opened[0].epoch.src_port == 40_000


@pytest.mark.parametrize("order", [1, -1])
def test_a_hello_in_a_midstream_connection_is_found(
    order: int, kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("chromium-headless-new")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.data(stream[:1400]), talk.data(stream[1400:], 1400)][::order])
    [hello] = feeder.hellos
    assert hello.epoch.is_midstream
    assert hello.message is not None


def test_a_hello_turns_a_midstream_connection_round_if_its_sides_were_guessed_wrong(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    feeder, talk = kit.feeder(), kit.conversation(sport=443, dport=50_000)
    feeder.feed([talk.answer(b"x" * 30), talk.data(hello_stream("curl-h2"))])
    assert [opened.epoch.src_port for opened in feeder.opened] == [50_000, 443]
    assert feeder.hellos[0].epoch.src_port == 443
    assert [closed.reason for closed in feeder.closed] == [CloseReason.REOPENED]


def test_acknowledgements_and_ends_of_unknown_connections_open_nothing(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.ack(), talk.segment(FIN | ACK), talk.segment(RST), talk.segment(FIN | ACK, b"bye")])
    assert feeder.events == []


def test_stray_data_after_the_end_opens_no_new_epoch(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.segment(RST), talk.answer(b"late"), talk.data(b"late")])
    assert len(feeder.opened) == 1


def test_a_syn_that_arrives_behind_the_data_does_not_close_the_connection(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.data(hello_stream("curl-h2")[:200]), talk.syn()])
    assert feeder.closed == []


def test_ipv6_connections_are_followed_like_ipv4(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    feeder, talk = kit.feeder(), kit.conversation(client="2001:db8::7", server="2001:db8::9")
    feeder.feed([*talk.opening(), talk.data(hello_stream("curl-h2"))])
    [hello] = feeder.hellos
    assert hello.epoch.src == talk.key[:16]


def test_the_connection_id_depends_on_sensor_transport_addresses_and_time(kit: Any) -> None:
    key = kit.conversation().key
    base = connection_id("a", Transport.TCP, key, 1)
    assert base == connection_id("a", Transport.TCP, key, 1)
    others = {
        connection_id("b", Transport.TCP, key, 1),
        connection_id("a", Transport.QUIC, key, 1),
        connection_id("a", Transport.TCP, key[:-1] + b"\0", 1),
        connection_id("a", Transport.TCP, key, 2),
        connection_id("a\0", Transport.TCP, key, 1),
    }
    assert base not in others
    assert len(others) == 5
    assert 0 <= base < 2**64


def test_the_connection_id_of_an_ipv4_client_is_that_of_its_mapped_address(kit: Any) -> None:
    prefix = bytes(10) + b"\xff\xff"
    key = kit.conversation().key
    mapped_key = prefix + key[:4] + prefix + key[4:8] + key[8:]
    assert connection_id("a", Transport.TCP, key, 1) == connection_id("a", Transport.TCP, mapped_key, 1)
