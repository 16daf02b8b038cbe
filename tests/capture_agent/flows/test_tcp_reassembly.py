"""However its segments arrive, a connection's hello is the same."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.events import Quality

CLIENTS = ["curl-h2", "chromium-headless-new"]


def message_of(stream: bytes) -> bytes:
    """The handshake message of a hello in one record."""
    return stream[5 : 9 + int.from_bytes(stream[6:9], "big")]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_hello_in_one_segment_is_complete(
    client: str, kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream(client)
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(stream)])
    [hello] = feeder.hellos
    assert hello.message == message_of(stream)
    assert (hello.quality, hello.segments) == (Quality.COMPLETE, 1)
    assert hello.syn_ack_rtt_us == 1000
    assert hello.syn_to_hello_us == 3000


@pytest.mark.parametrize("isn", [5000, 2**32 - 1, 2**32 - 700, 2**31 - 1])
@given(seed=st.integers(0, 2**32), cuts=st.integers(1, 12), duplicates=st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_any_cut_order_and_repetition_gives_the_same_hello(
    isn: int, seed: int, cuts: int, duplicates: int, kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    rng = random.Random(seed)
    stream = hello_stream(rng.choice(CLIENTS))
    places = sorted({0, len(stream), *(rng.randrange(len(stream)) for _ in range(cuts))})
    talk = kit.conversation(isn=isn)
    segments = [talk.data(stream[a:b], a) for a, b in itertools.pairwise(places)]
    for _ in range(duplicates):
        begin = rng.randrange(len(stream))
        segments.append(talk.data(stream[begin : begin + rng.randrange(1, 900)], begin))
    rng.shuffle(segments)
    feeder = kit.feeder()
    feeder.feed([*talk.opening(), *segments])
    [hello] = feeder.hellos
    assert hello.message == message_of(stream)
    assert hello.epoch.syn is not None


def test_a_retransmission_with_other_bytes_does_not_change_what_was_taken(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(
        [*talk.opening(), talk.data(stream[:200]), talk.data(b"\xff" * 200), talk.data(stream[200:], 200)]
    )
    assert feeder.hellos[0].message == message_of(stream)


def test_of_two_waiting_segments_the_earlier_start_supplies_the_overlap(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    # Linux, tcp_data_queue_ofo: a partial overlap keeps the bytes of the segment that starts earlier.
    stream = hello_stream("curl-h2")
    forged = b"\xff" * 50 + stream[350:]
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(
        [
            *talk.opening(),
            talk.data(forged, 300),
            talk.data(stream[100:350], 100),
            talk.data(stream[:100]),
        ]
    )
    assert feeder.hellos[0].message == message_of(stream)


def test_of_two_segments_with_the_same_start_the_first_wins_unless_the_later_is_longer(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(
        [
            *talk.opening(),
            talk.data(stream[100:], 100),
            talk.data(b"\xff" * len(stream[100:]), 100),
            talk.data(stream[:100]),
        ]
    )
    assert feeder.hellos[0].message == message_of(stream)


def test_data_on_the_syn_is_taken(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.syn(stream)])
    [hello] = feeder.hellos
    assert hello.message == message_of(stream)
    assert hello.epoch.syn is not None
    assert hello.epoch.syn.has_payload
    feeder.feed([talk.syn_ack(), talk.data(stream)])
    assert len(feeder.hellos) == len(feeder.opened) == 1


def test_data_on_the_third_acknowledgement_is_taken(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([talk.syn(), talk.syn_ack(), talk.data(stream)])
    [hello] = feeder.hellos
    assert hello.message == message_of(stream)
    assert hello.syn_ack_rtt_us == 1000


def test_several_records_in_one_segment_are_reassembled(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    message = message_of(hello_stream("curl-h2"))
    records = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
        for part in (message[i : i + 100] for i in range(0, len(message), 100))
    )
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(records)])
    [hello] = feeder.hellos
    assert hello.message == message
    assert (hello.quality, hello.segments) == (Quality.REASSEMBLED, 1)


def test_the_second_hello_of_a_retry_is_flagged(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    stream = hello_stream("curl-h2")
    change_cipher_spec = b"\x14\x03\x03\0\x01\x01"
    second = change_cipher_spec + stream
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed(
        [
            *talk.opening(),
            talk.data(stream),
            talk.answer(b"\x16\x03\x03\0\x58" + bytes(88)),
            talk.data(second[:300], len(stream)),
            talk.data(second[300:], len(stream) + 300),
        ]
    )
    assert [(hello.is_second_hello, hello.segments) for hello in feeder.hellos] == [(False, 1), (True, 2)]
    assert feeder.hellos[0].epoch.conn_id == feeder.hellos[1].epoch.conn_id


@pytest.mark.parametrize("size", [6, 40, 200])
def test_a_hello_cut_by_the_snap_length_is_truncated(
    size: int, kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("chromium-headless-new")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(stream[:size], is_cut=True), talk.data(stream[1400:], 1400)])
    [hello] = feeder.hellos
    assert (hello.quality, hello.message, hello.segments) == (Quality.TRUNCATED, None, 1)


def test_a_hello_that_is_whole_before_the_cut_is_complete(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(stream + b"\x14\x03", is_cut=True)])
    assert [hello.quality for hello in feeder.hellos] == [Quality.COMPLETE]


@pytest.mark.parametrize("end", ["reset", "fin", "finish", "idle", "new syn"])
def test_a_hello_that_never_ends_is_truncated(
    end: str, kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(hello_stream("curl-h2")[:100])])
    if end == "reset":
        feeder.feed([talk.segment(0x04, offset=101)])
    elif end == "fin":
        feeder.feed([talk.segment(0x11, offset=101), talk.segment(0x11, from_server=True)])
    elif end == "finish":
        feeder.finish()
    elif end == "idle":
        feeder.wait(400_000_000)
    else:
        feeder.feed([kit.conversation(isn=77).syn()])
    [hello] = feeder.hellos
    assert hello.quality is Quality.TRUNCATED
    assert hello.segments == 1


def test_a_broken_hello_is_an_event_with_reason_and_offset(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    feeder.feed([*talk.opening(), talk.data(b"\x16\x03\x01\0\x40\x01\xff\xff\xff" + bytes(60))])
    [hello] = feeder.hellos
    assert hello.quality is Quality.MALFORMED
    assert hello.malformed is not None
    assert hello.malformed.reason


def test_another_protocol_is_no_hello(kit: Any) -> None:
    feeder, talk = kit.feeder(), kit.conversation(dport=80)
    feeder.feed([*talk.opening(), talk.data(b"GET / HTTP/1.1\r\n\r\n")])
    feeder.finish()
    assert feeder.hellos == []
    assert len(feeder.opened) == 1


def test_a_hello_behind_starttls_is_found_in_whatever_pieces(
    kit: Any, hello_stream: Callable[[str], bytes]
) -> None:
    stream = b"EHLO client.example\r\nSTARTTLS\r\n" + hello_stream("curl-h2")
    feeder, talk = kit.feeder(), kit.conversation(dport=25)
    pieces = [talk.data(stream[at : at + 31], at) for at in range(0, len(stream), 31)]
    pieces[2], pieces[5] = pieces[5], pieces[2]
    feeder.feed([*talk.opening(), *pieces])
    [hello] = feeder.hellos
    assert hello.message == message_of(hello_stream("curl-h2"))
    assert hello.preamble == "smtp"


def test_a_proxy_header_gives_its_addresses(kit: Any, hello_stream: Callable[[str], bytes]) -> None:
    feeder, talk = kit.feeder(), kit.conversation()
    header = b"PROXY TCP4 192.0.2.1 198.51.100.1 5555 443\r\n"
    feeder.feed([*talk.opening(), talk.data(header), talk.data(hello_stream("curl-h2"), len(header))])
    [hello] = feeder.hellos
    assert hello.preamble == "proxy_v1"
    assert hello.proxied is not None
    assert hello.proxied.src_port == 5555
    assert hello.segments == 1
