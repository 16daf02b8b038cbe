"""Frames of the sample are well-formed TCP, and a Linux client's are what Linux sent in the recording."""

from __future__ import annotations

import random
import struct

import pytest

from sample_traffic.frames import ACK, FIN, TcpConversation, packed
from sample_traffic.recorded import load_recording
from sample_traffic.tcp_stack import ANDROID, APPLE, LINUX, WINDOWS, TcpStack, linux_with

RECORDING = load_recording()
V4, V6 = ("192.0.2.7", "203.0.113.80"), ("2001:db8::7", "2001:db8::80")


def conversation(
    stack: TcpStack = LINUX, addresses: tuple[str, str] = V4, mss: int = 1460
) -> TcpConversation:
    return TcpConversation(
        client=packed(addresses[0]),
        client_port=40000,
        server=packed(addresses[1]),
        server_port=443,
        stack=stack,
        mss=mss,
        hops=9,
        client_seq=0xFFFFFFF0,
        server_seq=5,
        client_clock=77,
        ip_id=1,
    )


def words_sum(content: bytes) -> int:
    """One's complement sum as RFC 1071 writes it down, word by word."""
    total = 0
    for (word,) in struct.iter_unpack(">H", content + bytes(len(content) % 2)):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    return total


def all_frames(talk: TcpConversation) -> list[bytes]:
    rng = random.Random(3)
    return [
        talk.syn(1000),
        talk.syn_ack(2000),
        talk.from_client(3000, ACK),
        *(talk.from_client(4000, ACK, rng.randbytes(size)) for size in (1, 517, 1447, 1448)),
        talk.from_client(5000, FIN | ACK),
        talk.from_server(6000, FIN | ACK),
    ]


@pytest.mark.parametrize("stack", [LINUX, WINDOWS, APPLE, ANDROID], ids=lambda stack: stack.name)
def test_ipv4_checksums_are_right(stack: TcpStack) -> None:
    for frame in all_frames(conversation(stack)):
        header, tcp = frame[14:34], frame[34:]
        assert words_sum(header) == 0xFFFF
        pseudo_header = header[12:20] + struct.pack(">HH", 6, len(tcp))
        assert words_sum(pseudo_header + tcp) == 0xFFFF


def test_ipv6_checksum_and_length_are_right() -> None:
    for frame in all_frames(conversation(addresses=V6, mss=1440)):
        header, tcp = frame[14:54], frame[54:]
        assert header[4:6] == struct.pack(">H", len(tcp))
        assert words_sum(header[8:40] + struct.pack(">HH", 6, len(tcp)) + tcp) == 0xFFFF


def test_sequence_numbers_run_on_over_the_wrap() -> None:
    talk = conversation()
    talk.syn(0)
    talk.syn_ack(0)
    sent = [talk.from_client(0, ACK, bytes(20)), talk.from_client(0, FIN | ACK), talk.from_client(0, ACK)]
    assert [int.from_bytes(frame[38:42], "big") for frame in sent] == [0xFFFFFFF1, 5, 6]


def test_a_recorded_syn_is_repeated_but_for_its_timestamp() -> None:
    for client in RECORDING.values():
        for handshake in client.handshakes:
            stack = linux_with(handshake.window, handshake.tcp_options)
            timestamp = int.from_bytes(handshake.tcp_options[8:12], "big")
            assert stack.syn_options(1460, timestamp) == handshake.tcp_options, client.name
            assert (stack.window, stack.initial_ttl) == (handshake.window, handshake.ttl)


def test_a_large_hello_is_cut_where_linux_cut_it() -> None:
    record = RECORDING["firefox-esr-headless"].handshakes[0].hello_record
    assert [len(part) for part in conversation().segments(record)] == [1448, 444]


def test_ttl_is_what_is_left_after_the_hops() -> None:
    assert [conversation(stack).syn(0)[22] for stack in (LINUX, WINDOWS)] == [55, 119]


def test_a_client_without_timestamps_gets_none() -> None:
    syn, syn_ack, ack, *_ = all_frames(conversation(WINDOWS))
    assert syn[54:].hex() == "020405b40103030801010402"
    assert syn_ack[54:].hex() == "020405b4010104020103030a"
    assert len(ack) == 54
