"""Any traffic gives the same lines on the compiled walker and on the readable reference.

Equal are the lines as a set with counts. Their order is too, except among hellos that one step of time
gives up at once: the two tables are walked in different orders.
"""

from __future__ import annotations

import json
import random
from types import ModuleType

from hypothesis import example, given, settings
from hypothesis import strategies as st

from capture_agent.flows.limits import FlowLimits
from capture_agent.wire.frame import Frame

ORDINARY = settings(max_examples=300, deadline=None)
SEEDS = st.integers(0, 2**48)
COMPLETE = ("complete", "reassembled")


def in_order(lines: list[bytes]) -> list[bytes]:
    """The lines of hellos that were found, without those that were given up."""
    return [line for line in lines if b'"quality":"truncated"' not in line]


@ORDINARY
@given(seed=SEEDS)
def test_random_traffic(seed: int, conversations: ModuleType, both_paths: ModuleType) -> None:
    frames = conversations.captured(random.Random(seed))
    compiled, reference = both_paths.compiled_lines(frames), both_paths.reference_lines(frames)
    assert sorted(compiled) == sorted(reference)
    assert in_order(compiled) == in_order(reference)


@ORDINARY
@given(seed=SEEDS, oddness=st.sampled_from((0.5, 1.0)))
def test_traffic_that_needs_the_reference_for_most_frames(
    seed: int, oddness: float, conversations: ModuleType, both_paths: ModuleType
) -> None:
    frames = conversations.captured(random.Random(seed), oddness=oddness)
    assert sorted(both_paths.compiled_lines(frames)) == sorted(both_paths.reference_lines(frames))


@ORDINARY
@given(seed=SEEDS)
@example(seed=272)  # a SYN-ACK from the past, of a connection that the reference holds
def test_many_connections_between_few_ports(
    seed: int, conversations: ModuleType, both_paths: ModuleType
) -> None:
    frames = conversations.captured(random.Random(seed), connections=25, oddness=0)
    assert sorted(both_paths.compiled_lines(frames)) == sorted(both_paths.reference_lines(frames))


def hellos_of(lines: list[bytes]) -> set[tuple[object, ...]]:
    """Which whole hellos were found, on which connections."""
    rows = [json.loads(line) for line in lines]
    return {
        (row["src_ip"], row["src_port"], row["dst_port"], row["ja4"], row["ja3_hash"], row["sni"])
        for row in rows
        if row["quality"] in COMPLETE
    }


def undisturbed(conversations: ModuleType, rng: random.Random) -> tuple[list[Frame], list[bool]]:
    """Connections whose hello comes in one segment, interleaved; and for each: do SYN and hello adjoin?"""
    scripts = []
    adjoins = []
    for number in range(rng.randint(5, 40)):
        talk = conversations.Connection(
            bytes((198, 51, 100, 7)), bytes((203, 0, 113, 9)), 20_000 + number, 443, 1000 + number, 9000
        )
        stream = rng.choice(conversations.hello_streams())
        opening = [conversations.Segment(True, conversations.SYN, 0, options=conversations.SYN_OPTIONS[2])]
        hello = conversations.Segment(True, conversations.PSH | conversations.ACK, 1, stream)
        is_together = rng.random() < 0.5
        steps = [[*opening, hello]] if is_together else [opening, [hello]]
        steps.append([conversations.Segment(True, conversations.RST, 1 + len(stream))])
        scripts.append((talk, steps))
        adjoins.append(is_together)
    frames: list[Frame] = []
    now_us = conversations.START_US
    while any(steps for _, steps in scripts):
        talk, steps = rng.choice([script for script in scripts if script[1]])
        for segment in steps.pop(0):
            transport = conversations.tcp_packet(talk, segment, rng)
            ends = (talk.client, talk.server)
            for packet in conversations.ip_packets(*ends, 6, transport, 64, rng, 0):
                octets = conversations.framed(packet, conversations.ETHERNET, rng, 0)
                frames.append(conversations.frame_of(octets, now_us, conversations.ETHERNET))
                now_us += rng.choice((1, 1000, 2_000_000))
    return frames, adjoins


@ORDINARY
@given(seed=SEEDS, max_flows=st.integers(1, 6), max_half_open=st.integers(1, 6))
def test_what_small_tables_must_still_find(
    seed: int, max_flows: int, max_half_open: int, conversations: ModuleType, both_paths: ModuleType
) -> None:
    """When connections are given up for want of room, the two paths may choose others, being two tables
    each. Equal must be: every hello that follows its SYN at once is found with the SYN's facts by both,
    and neither finds a hello that a table without bounds does not."""
    rng = random.Random(seed)
    frames, adjoins = undisturbed(conversations, rng)
    limits = FlowLimits(max_flows=max_flows, max_half_open=max_half_open)
    every = hellos_of(both_paths.reference_lines(frames))
    assert len(every) == len(adjoins)
    for lines in (both_paths.compiled_lines(frames, limits), both_paths.reference_lines(frames, limits)):
        assert hellos_of(lines) <= every
        with_syn = {row["src_port"] for row in map(json.loads, lines) if row["tcp_signature"] is not None}
        assert with_syn >= {20_000 + number for number, adjoin in enumerate(adjoins) if adjoin}


@ORDINARY
@given(seed=SEEDS, max_flows=st.integers(1, 4), max_buffered=st.sampled_from((100, 3000, 10_000)))
def test_small_tables_survive_any_traffic(
    seed: int, max_flows: int, max_buffered: int, conversations: ModuleType, both_paths: ModuleType
) -> None:
    frames = conversations.captured(random.Random(seed), connections=12)
    limits = FlowLimits(
        max_flows=max_flows, max_half_open=max_flows, max_datagram_flows=1, max_buffered_bytes=max_buffered
    )
    for lines in (both_paths.compiled_lines(frames, limits), both_paths.reference_lines(frames, limits)):
        assert all(json.loads(line)["sensor"] == both_paths.SENSOR for line in lines)


def test_a_connection_from_a_socket_to_itself(conversations: ModuleType, both_paths: ModuleType) -> None:
    here, port = bytes((198, 51, 100, 7)), 443
    talk = conversations.Connection(here, here, port, port, isn=1000, server_isn=1000)
    stream = conversations.hello_streams()[0] + conversations.KEY_EXCHANGE
    segments = [
        conversations.Segment(True, conversations.PSH | conversations.ACK, 1, stream),
        conversations.Segment(True, conversations.ACK, 1 + len(stream)),
        conversations.Segment(True, conversations.RST, 1 + len(stream)),
    ]
    rng = random.Random(1)
    frames = [
        conversations.frame_of(packet, conversations.START_US, conversations.RAW)
        for segment in segments
        for packet in conversations.ip_packets(
            here, here, 6, conversations.tcp_packet(talk, segment, rng), 64, rng, 0
        )
    ]
    compiled = both_paths.compiled_lines(frames)
    assert compiled == both_paths.reference_lines(frames)
    assert len(compiled) == 1


def test_a_syn_ack_out_of_place_does_not_keep_a_connection_alive(
    conversations: ModuleType, both_paths: ModuleType
) -> None:
    """It is no segment of the connection's own; the next data come after the idle timeout, midstream."""
    talk = conversations.Connection(
        bytes((198, 51, 100, 7)), bytes((203, 0, 113, 9)), 40_000, 443, isn=1000, server_isn=9000
    )
    stream = conversations.hello_streams()[0]
    timed = [
        (0, conversations.Segment(True, conversations.SYN, 0, stream[:300])),
        (284, conversations.Segment(False, conversations.SYN | conversations.ACK, 0)),
        (346, conversations.Segment(True, conversations.PSH | conversations.ACK, 1, stream)),
    ]
    rng = random.Random(1)
    frames = [
        conversations.frame_of(
            packet, conversations.START_US + seconds * conversations.SECOND_US, conversations.RAW
        )
        for seconds, segment in timed
        for packet in conversations.ip_packets(
            *((talk.client, talk.server) if segment.from_client else (talk.server, talk.client)),
            6,
            conversations.tcp_packet(talk, segment, rng),
            64,
            rng,
            0,
        )
    ]
    compiled = both_paths.compiled_lines(frames)
    assert compiled == both_paths.reference_lines(frames)
    assert [json.loads(line)["quality"] for line in compiled] == ["truncated", "complete"]
