"""What is kept of a capture gives the same hello at another address, in another time."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from lab.recording.places import Place, place_for
from lab.recording.rebuilt import frames_of, quic_frame
from lab.recording.wire_story import read_story

from sample_traffic.frames import ACK, FIN, PSH, RST, TcpConversation, packed
from sample_traffic.recorded import load_recording
from sample_traffic.tcp_stack import LINUX, WINDOWS

HELLO = load_recording()["chromium-headful-xvfb"].handshakes[0].hello_record
PLACE = Place("73.1.2.3", "home", 9, 20_000)
SECOND = 1_000_000


def write(path: Path, frames: list[tuple[int, bytes]]) -> Path:
    """A pcap as tcpdump writes it."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    records = (struct.pack("<IIII", *divmod(at, SECOND), len(one), len(one)) + one for at, one in frames)
    path.write_bytes(head + b"".join(records))
    return path


def capture(path: Path, *, ending: int = FIN, by_server: bool = False, hello: bytes = HELLO) -> Path:
    """One connection of a lab client: SYN at 5 s, hello in two segments at 5.001 s, end at 9 s."""
    talk = TcpConversation(
        packed("10.77.0.2"), 40_000, packed("10.88.0.1"), 443, LINUX, 1460, 0, 100, 200, 7, 1
    )  # fmt: skip
    frames = [(5_000_000, talk.syn(5_000_000)), (5_000_010, talk.syn_ack(5_000_010))]
    frames.append((5_000_050, talk.from_client(5_000_050, ACK)))
    for number, piece in enumerate(talk.segments(hello)):
        at = 5_001_000 + number
        frames.append((at, talk.from_client(at, ACK | PSH, piece)))
    frames.append((5_002_000, talk.from_client(5_002_000, ACK | PSH, b"\x17\x03\x03later")))
    last = (
        talk.from_server(9_000_000, ending | ACK) if by_server else talk.from_client(9_000_000, ending | ACK)
    )
    return write(path, [*frames, (9_000_000, last)])


def test_the_hello_is_kept_to_the_octet_and_nothing_after_it(tmp_path: Path) -> None:
    (seen,) = read_story(capture(tmp_path / "raw.pcap", ending=FIN)).connections
    assert seen.opening() == (5_001_001, HELLO)
    assert (seen.syn_us, seen.end_us, seen.ended_by_server, seen.is_reset) == (
        5_000_000,
        9_000_000,
        False,
        False,
    )


@pytest.mark.parametrize("cut", [3, 100, 1_443, 1_800])
def test_a_hello_in_two_records_is_kept_whole(tmp_path: Path, cut: int) -> None:
    message = HELLO[5:]
    parts = (message[:cut], message[cut:])
    spread = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)
    (seen,) = read_story(capture(tmp_path / "raw.pcap", hello=spread)).connections
    assert seen.opening()[1] == spread


@pytest.mark.parametrize(("ending", "by_server"), [(FIN, True), (RST, False), (RST, True)])
def test_who_ended_it_and_how_is_kept(tmp_path: Path, ending: int, by_server: bool) -> None:
    (seen,) = read_story(capture(tmp_path / "raw.pcap", ending=ending, by_server=by_server)).connections
    assert (seen.ended_by_server, seen.is_reset) == (by_server, ending == RST)


def test_rebuilt_frames_tell_the_same_story_elsewhere(tmp_path: Path) -> None:
    (seen,) = read_story(capture(tmp_path / "raw.pcap", ending=FIN)).connections
    frames = frames_of(
        seen, lambda at: at + 100 * SECOND, PLACE, "203.0.113.80", "linux", 20_000, random.Random(1)
    )
    assert [at for at, _ in frames] == sorted(at for at, _ in frames)
    (again,) = read_story(write(tmp_path / "again.pcap", frames)).connections
    assert (again.src, again.dst, again.src_port) == (PLACE.address, "203.0.113.80", 40_000)
    assert again.opening()[1] == HELLO
    assert (again.options[:4], again.window, again.ttl) == (seen.options[:4], seen.window, 64 - PLACE.hops)
    # The hello comes a round trip before the lab's, the SYN two.
    assert again.syn_us == 105 * SECOND - 40_000
    assert 0 <= again.opening()[0] - (105_001_001 - 20_000) < 100
    assert again.end_us == 109 * SECOND


def test_a_person_on_windows_opens_as_windows_does(tmp_path: Path) -> None:
    (seen,) = read_story(capture(tmp_path / "raw.pcap", ending=FIN)).connections
    frames = frames_of(seen, lambda at: at, PLACE, "203.0.113.80", "windows", 20_000, random.Random(1))
    (again,) = read_story(write(tmp_path / "again.pcap", frames)).connections
    assert again.ttl == 128 - PLACE.hops
    assert again.options == WINDOWS.syn_options(1460, 0)
    assert again.opening()[1] == HELLO


def test_a_quic_datagram_keeps_its_payload(tmp_path: Path) -> None:
    payload = b"\xc3" + bytes(1_199)
    udp = struct.pack(">HHHH", 50_000, 443, 8 + len(payload), 0) + payload
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, packed("10.77.0.2"), packed("10.88.0.1")
    )
    frame = bytes(12) + b"\x08\x00" + header + udp
    (seen,) = read_story(write(tmp_path / "raw.pcap", [(SECOND, frame)])).datagrams
    moved = quic_frame(seen, PLACE, "203.0.113.80")
    (again,) = read_story(write(tmp_path / "again.pcap", [(SECOND, moved)])).datagrams
    assert (again.src, again.src_port, again.payload) == (PLACE.address, 50_000, payload)


def test_people_and_bots_come_from_the_same_kinds_of_networks() -> None:
    rng, taken = random.Random(3), set[str]()
    places = {is_bot: [place_for("x", is_bot, rng, taken) for _ in range(400)] for is_bot in (True, False)}
    kinds = {is_bot: [one.network for one in found] for is_bot, found in places.items()}
    assert set(kinds[True]) == set(kinds[False]) == {"home", "mobile", "vpn", "hosting"}
    assert kinds[True].count("home") > 150
    assert len(taken) == 800
