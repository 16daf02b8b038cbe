"""QUIC and DTLS connections, and datagrams that are neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from capture_agent.events import Quality, Transport
from capture_agent.flows.flow_events import CloseReason
from capture_agent.wire.segment import UdpDatagram

CLIENT_KEY = bytes((198, 51, 100, 7, 203, 0, 113, 9)) + (50_000).to_bytes(2, "big") + (443).to_bytes(2, "big")
SERVER_KEY = CLIENT_KEY[4:8] + CLIENT_KEY[:4] + CLIENT_KEY[10:] + CLIENT_KEY[8:10]
SHORT_HEADER = b"\x40" + bytes(40)


def datagram(payload: bytes, *, key: bytes = CLIENT_KEY, is_cut: bool = False) -> UdpDatagram:
    return UdpDatagram(key, payload, None, is_cut)


@pytest.fixture(scope="module")
def quic_datagrams(project_root: Path) -> list[bytes]:
    """The client's datagrams of a Chromium's hello, which fills two."""
    vector = json.loads((project_root / "tests/vectors/client_hello/h3-chromium.json").read_text())
    return [bytes.fromhex(one) for one in vector["datagrams"]]


def dtls_hello(body: bytes, *, offset: int = 0, size: int | None = None, sequence: int = 0) -> bytes:
    """A DTLS 1.2 record with a fragment of a ClientHello (RFC 6347 section 4.2.2)."""
    whole = len(body) if size is None else size
    handshake = (
        b"\x01"
        + whole.to_bytes(3, "big")
        + sequence.to_bytes(2, "big")
        + offset.to_bytes(3, "big")
        + len(body).to_bytes(3, "big")
        + body
    )
    return b"\x16\xfe\xfd" + bytes(8) + len(handshake).to_bytes(2, "big") + handshake


DTLS_BODY = b"\xfe\xfd" + bytes(32) + b"\0" + b"\0" + b"\0\x02\xc0\x2b" + b"\x01\0"


def test_a_quic_hello_over_two_datagrams_opens_an_epoch_and_is_reassembled(
    kit: Any, quic_datagrams: list[bytes]
) -> None:
    assert len(quic_datagrams) >= 2
    feeder = kit.feeder()
    started = feeder.now_us
    feeder.feed([datagram(one) for one in quic_datagrams])
    [opened], [hello] = feeder.opened, feeder.hellos
    assert opened.epoch.transport is Transport.QUIC
    assert opened.epoch.opened_us == started
    assert hello.quality is Quality.REASSEMBLED
    assert hello.segments == 2
    assert hello.message is not None


def test_quic_datagrams_in_the_other_order_give_the_same_hello(kit: Any, quic_datagrams: list[bytes]) -> None:
    messages = []
    for order in (1, -1):
        feeder = kit.feeder()
        feeder.feed([datagram(one) for one in quic_datagrams[:2][::order]])
        messages.append(feeder.hellos[0].message)
    assert messages[0] == messages[1]


def test_half_a_quic_hello_is_truncated_at_its_end(kit: Any, quic_datagrams: list[bytes]) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(quic_datagrams[0])])
    feeder.wait(120_000_000)
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED]
    assert [closed.reason for closed in feeder.closed] == [CloseReason.IDLE]


def test_datagrams_of_both_sides_keep_the_epoch_open(kit: Any, quic_datagrams: list[bytes]) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(one) for one in quic_datagrams])
    for _ in range(4):
        feeder.wait(40_000_000)
        feeder.feed([datagram(SHORT_HEADER, key=SERVER_KEY), datagram(SHORT_HEADER)])
    assert feeder.closed == []
    assert len(feeder.hellos) == 1


def test_the_same_ports_later_are_a_new_connection(kit: Any, quic_datagrams: list[bytes]) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(one) for one in quic_datagrams])
    feeder.feed([datagram(SHORT_HEADER)])
    feeder.now_us += 20_000_000
    feeder.feed([datagram(one) for one in quic_datagrams])
    assert len({opened.epoch.conn_id for opened in feeder.opened}) == 2
    assert len(feeder.hellos) == 2
    assert [closed.reason for closed in feeder.closed] == [CloseReason.REOPENED]


def test_an_initial_that_no_key_opens_is_not_a_connection(kit: Any, quic_datagrams: list[bytes]) -> None:
    forged = bytearray(quic_datagrams[0])
    forged[-100:] = bytes(100)
    feeder = kit.feeder()
    feeder.feed([datagram(bytes(forged))])
    feeder.finish()
    assert feeder.events == []


def test_a_dtls_hello_is_found(kit: Any) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(dtls_hello(DTLS_BODY))])
    [hello] = feeder.hellos
    assert hello.epoch.transport is Transport.DTLS
    assert hello.quality is Quality.COMPLETE


def test_a_dtls_hello_in_fragments_is_reassembled(kit: Any) -> None:
    size = len(DTLS_BODY)
    feeder = kit.feeder()
    feeder.feed(
        [
            datagram(dtls_hello(DTLS_BODY[20:], offset=20, size=size)),
            datagram(dtls_hello(DTLS_BODY[:20], size=size)),
        ]
    )
    [hello] = feeder.hellos
    assert (hello.quality, hello.segments) == (Quality.REASSEMBLED, 2)


def test_the_dtls_hello_with_the_cookie_is_the_second(kit: Any) -> None:
    feeder = kit.feeder()
    feeder.feed(
        [
            datagram(dtls_hello(DTLS_BODY)),
            datagram(b"\x16\xfe\xff" + bytes(30), key=SERVER_KEY),
            datagram(dtls_hello(DTLS_BODY, sequence=1)),
        ]
    )
    assert [hello.is_second_hello for hello in feeder.hellos] == [False, True]


def test_a_datagram_cut_by_the_snap_length_is_truncated_not_malformed(kit: Any) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(dtls_hello(DTLS_BODY)[:40], is_cut=True)])
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED]


@pytest.mark.parametrize("payload", [b"", b"\x16", b"\xc0", bytes(64), b"\x12\x34\x01\0\0\1", b"\xff" * 1200])
def test_other_datagrams_leave_no_trace(payload: bytes, kit: Any) -> None:
    feeder = kit.feeder()
    feeder.feed([datagram(payload)])
    assert feeder.events == []
    assert len(feeder.table) == 0


def test_datagram_connections_are_bounded(kit: Any) -> None:
    feeder = kit.feeder(max_datagram_flows=64)
    for number in range(500):
        key = bytes((10, 0, number >> 8, number & 255)) + CLIENT_KEY[4:]
        feeder.feed([datagram(dtls_hello(DTLS_BODY), key=key)])
    assert len(feeder.table) <= 64
    assert feeder.table.counters.flows_evicted_full >= 500 - 64


def test_incomplete_datagram_hellos_share_one_budget_of_bytes(kit: Any) -> None:
    feeder = kit.feeder(max_buffered_bytes=20_000)
    for number in range(100):
        key = bytes((10, 0, 0, number)) + CLIENT_KEY[4:]
        feeder.feed([datagram(dtls_hello(bytes(1000), size=2000), key=key)])
    evicted = feeder.table.counters.streams_evicted_bytes
    # A stream is booked with its bytes and the 2 kB that it takes itself: six of them fit.
    assert evicted == 94
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED] * evicted


def test_a_datagram_hello_that_takes_too_long_is_truncated(kit: Any) -> None:
    feeder = kit.feeder(hello_us=5_000_000)
    feeder.feed([datagram(dtls_hello(DTLS_BODY[:20], size=len(DTLS_BODY)))])
    feeder.wait(6_000_000)
    assert [hello.quality for hello in feeder.hellos] == [Quality.TRUNCATED]
    assert feeder.table.counters.streams_evicted_timeout == 1


def test_a_whole_datagram_hello_is_not_given_up_later(kit: Any, quic_datagrams: list[bytes]) -> None:
    feeder = kit.feeder(hello_us=5_000_000)
    feeder.feed([datagram(one) for one in quic_datagrams])
    feeder.wait(6_000_000)
    assert [hello.quality for hello in feeder.hellos] == [Quality.REASSEMBLED]
    assert feeder.table.counters.streams_evicted_timeout == 0
