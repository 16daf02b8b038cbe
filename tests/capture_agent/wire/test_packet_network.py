"""IPv4 and IPv6 headers, fragments, lengths and cuts."""

from __future__ import annotations

import random
import struct
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.frame import frame_of
from capture_agent.wire.link import LINK_LAYERS, LINKTYPE_ETHERNET, LINKTYPE_RAW
from capture_agent.wire.packet import PacketDecoder
from capture_agent.wire.segment import Segment, TcpSegment, UdpDatagram, reverse_flow_key

HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
MORE = 0x2000


def decode(packet: bytes, decoder: PacketDecoder | None = None, ts_us: int = 0) -> Segment | None:
    return (decoder or PacketDecoder()).decode(frame_of(packet, ts_us, LINKTYPE_RAW))


def tcp_of(segment: Segment | None) -> TcpSegment:
    assert isinstance(segment, TcpSegment)
    return segment


def test_addresses_and_ports_are_those_of_the_packet(build: Any) -> None:
    segment = tcp_of(decode(build.ipv4(build.tcp(sport=1234, dport=443), src="192.0.2.1", dst="192.0.2.2")))
    assert segment.src == bytes.fromhex("00000000000000000000ffffc0000201")
    assert segment.dst == bytes.fromhex("00000000000000000000ffffc0000202")
    assert (segment.src_port, segment.dst_port) == (1234, 443)
    assert segment.flow_key == bytes.fromhex("c0000201c000020204d201bb")
    assert reverse_flow_key(segment.flow_key) == bytes.fromhex("c0000202c000020101bb04d2")


def test_ipv4_options_are_skipped(build: Any) -> None:
    segment = tcp_of(decode(build.ipv4(build.tcp(b"x"), options=bytes.fromhex("94040000" + "01010101"))))
    assert segment.payload == b"x"


def test_link_layer_padding_is_not_payload(build: Any) -> None:
    assert tcp_of(decode(build.ipv4(build.tcp()) + bytes(6))).payload == b""


def test_a_zero_total_length_of_segmentation_offload_means_all_that_was_captured(build: Any) -> None:
    segment = tcp_of(decode(build.ipv4(build.tcp(bytes(64_000)), total=0)))
    assert len(segment.payload) == 64_000
    assert not segment.is_cut


def test_a_payload_of_64_kb_from_receive_offload_is_whole(build: Any) -> None:
    segment = tcp_of(decode(build.ipv4(build.tcp(bytes(65_495)))))
    assert len(segment.payload) == 65_495


def test_a_packet_cut_by_the_snap_length_says_so(build: Any) -> None:
    segment = tcp_of(decode(build.ipv4(build.tcp(b"payload"))[:-3]))
    assert segment.payload == b"payl"
    assert segment.is_cut


def test_checksums_are_not_verified(build: Any) -> None:
    packet = bytearray(build.ipv4(build.tcp(b"x")))
    packet[10:12] = b"\xba\xad"
    assert tcp_of(decode(bytes(packet))).payload == b"x"


@pytest.mark.parametrize(
    ("chain", "first"),
    [
        ([(HOP_BY_HOP, b"\x05\x02\0\0\0\0")], HOP_BY_HOP),
        ([(DESTINATION, bytes(6))], DESTINATION),
        ([(ROUTING, bytes(6))], ROUTING),
        ([(HOP_BY_HOP, bytes(6)), (ROUTING, bytes(22)), (DESTINATION, bytes(14))], HOP_BY_HOP),
    ],
)
def test_ipv6_extension_headers_are_skipped(chain: list[tuple[int, bytes]], first: int, build: Any) -> None:
    headers = b""
    followers = [kind for kind, _ in chain[1:]] + [6]
    for (_, body), follower in zip(chain, followers, strict=True):
        headers += bytes((follower, (len(body) + 2) // 8 - 1)) + body
    segment = tcp_of(decode(build.ipv6(headers + build.tcp(b"x"), next_header=first)))
    assert segment.payload == b"x"
    assert segment.ip_df is None
    assert segment.ip_id is None


def test_an_authentication_header_counts_its_length_in_words(build: Any) -> None:
    header = bytes((6, 4)) + bytes(22)
    segment = tcp_of(decode(build.ipv6(header + build.tcp(b"x"), next_header=AUTHENTICATION)))
    assert segment.payload == b"x"


def test_an_endless_chain_of_extension_headers_is_refused(build: Any) -> None:
    chain = (bytes((DESTINATION, 0)) + bytes(6)) * 40
    with pytest.raises(Malformed, match="extension headers"):
        decode(build.ipv6(chain + build.tcp(), next_header=DESTINATION))


def fragments_v4(build: Any, payload: bytes, size: int) -> list[bytes]:
    """An IPv4 datagram in fragments; the last one has the don't-fragment bit, as some stacks send it."""
    packets = []
    for at in range(0, len(payload), size):
        is_last = at + size >= len(payload)
        field = at // 8 | (0x4000 if is_last else MORE)
        packets.append(build.ipv4(payload[at : at + size], fragment=field, ident=77))
    return packets


def fragments_v6(build: Any, payload: bytes, size: int) -> list[bytes]:
    packets = []
    for at in range(0, len(payload), size):
        more = int(at + size < len(payload))
        header = struct.pack(">BBHI", 6, 0, at | more, 0xDEADBEEF)
        packets.append(build.ipv6(header + payload[at : at + size], next_header=FRAGMENT))
    return packets


@pytest.mark.parametrize("split", [fragments_v4, fragments_v6])
@given(seed=st.integers(0, 2**32), size=st.sampled_from([8, 24, 512]))
@settings(max_examples=25, deadline=None)
def test_fragments_in_any_order_with_duplicates_give_the_segment(
    split: Any, build: Any, seed: int, size: int
) -> None:
    rng = random.Random(seed)
    payload = bytes(rng.randrange(256) for _ in range(900))
    packets = split(build, build.tcp(payload), size)
    if len(packets) > 2:
        packets.append(packets[0])
    rng.shuffle(packets)
    decoder = PacketDecoder()
    found = [segment for packet in packets if (segment := decode(packet, decoder)) is not None]
    assert [tcp_of(segment).payload for segment in found] == [payload]


def test_an_atomic_ipv6_fragment_is_a_whole_packet(build: Any) -> None:
    header = struct.pack(">BBHI", 6, 0, 0, 1)
    assert tcp_of(decode(build.ipv6(header + build.tcp(b"x"), next_header=FRAGMENT))).payload == b"x"


def test_overlapping_fragments_discard_the_datagram(build: Any) -> None:
    payload = build.tcp(bytes(44))
    decoder = PacketDecoder()
    assert decode(build.ipv4(payload[:32], fragment=MORE), decoder) is None
    assert decode(build.ipv4(b"\xff" * 40, fragment=3), decoder) is None
    assert decode(build.ipv4(payload[32:], fragment=4), decoder) is None
    assert decoder.fragments.counters.discarded_overlap == 1


def test_fragments_of_different_datagrams_do_not_mix(build: Any) -> None:
    payload = build.tcp(bytes(44))
    decoder = PacketDecoder()
    assert decode(build.ipv4(payload[:32], fragment=MORE, ident=1), decoder) is None
    assert decode(build.ipv4(payload[32:], fragment=4, ident=2), decoder) is None


def test_a_fragment_after_the_timeout_does_not_complete_the_datagram(build: Any) -> None:
    payload = build.tcp(bytes(44))
    decoder = PacketDecoder()
    decode(build.ipv4(payload[:32], fragment=MORE), decoder, 0)
    assert decode(build.ipv4(payload[32:], fragment=4), decoder, 31_000_000) is None
    assert decoder.fragments.counters.evicted_timeout == 1


def test_a_flood_of_fragments_is_bounded_and_counted(build: Any) -> None:
    decoder = PacketDecoder()
    for ident in range(5000):
        decode(build.ipv4(bytes(800), fragment=MORE, ident=ident), decoder)
    assert decoder.fragments.counters.evicted_full >= 5000 - 1024


def test_udp_is_a_datagram(build: Any) -> None:
    datagram = decode(build.ipv4(build.udp(b"abc"), protocol=17))
    assert isinstance(datagram, UdpDatagram)
    assert datagram.payload == b"abc"


def test_two_datagrams_of_segmentation_offload_in_one_record_stay_together(build: Any) -> None:
    record = struct.pack(">HHHH", 50000, 443, 8 + 1200, 0) + bytes(2400)
    datagram = decode(build.ipv4(record, protocol=17))
    assert isinstance(datagram, UdpDatagram)
    assert len(datagram.payload) == 2400


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\x45" + bytes(18), "IPv4 header cut short"),
        (b"\x44\0\0\x28" + bytes(36), "IPv4 header contradicts itself"),
        (b"\x45\0\0\x10" + bytes(36), "IPv4 total length is shorter than its header"),
        (b"\x60" + bytes(30), "IPv6 header cut short"),
    ],
)
def test_headers_that_contradict_themselves_are_malformed(packet: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        decode(packet)


def test_a_tcp_data_offset_below_five_is_malformed(build: Any) -> None:
    segment = bytearray(build.tcp(b"x"))
    segment[12] = 0x40
    with pytest.raises(Malformed, match="data offset"):
        decode(build.ipv4(bytes(segment)))


@given(octets=st.binary(max_size=200), link_type=st.sampled_from(sorted(LINK_LAYERS)))
@settings(max_examples=300, deadline=None)
def test_random_frames_give_a_segment_none_or_malformed(octets: bytes, link_type: int) -> None:
    segment = None
    with suppress(Malformed):
        segment = PacketDecoder().decode(frame_of(octets, 0, link_type))
    assert segment is None or len(segment.payload) <= len(octets)


@given(octets=st.binary(max_size=120), protocol=st.sampled_from([4, 6, 17, 41, 47]))
@settings(max_examples=300, deadline=None)
def test_random_payloads_of_every_protocol_give_a_segment_none_or_malformed(
    octets: bytes, protocol: int, build: Any
) -> None:
    frame = build.ethernet_for(build.ipv4(octets, protocol=protocol))
    segment = None
    with suppress(Malformed):
        segment = PacketDecoder().decode(frame_of(frame, 0, LINKTYPE_ETHERNET))
    assert segment is None or len(segment.payload) <= len(octets)
