"""pcap files: byte orders, clocks, cuts and what is no capture."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.capture.errors import CaptureFileError
from capture_agent.capture.files import open_capture

MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D


def pcap(
    records: list[tuple[int, int, bytes]], *, order: str = "<", magic: int = MICROSECONDS, link_type: int = 1
) -> bytes:
    """A pcap file of (seconds, fraction, frame) records."""
    content = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    for seconds, fraction, frame in records:
        content += struct.pack(order + "IIII", seconds, fraction, len(frame), len(frame)) + frame
    return content


def written(folder: Path, content: bytes) -> Path:
    path = folder / "a.pcap"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(MICROSECONDS, 123_456), (NANOSECONDS, 123_456_789)])
def test_both_byte_orders_and_both_clocks_give_microseconds(
    tmp_path: Path, order: str, magic: int, fraction: int
) -> None:
    path = written(tmp_path, pcap([(1_700_000_000, fraction, b"frame")], order=order, magic=magic))
    with open_capture(path) as capture:
        frames = [(frame.ts_us, frame.link_type, frame.octets) for frame in capture]
    assert frames == [(1_700_000_000_123_456, 1, b"frame")]
    assert capture.truncated_at is None


def test_the_length_on_the_wire_is_kept(tmp_path: Path) -> None:
    content = pcap([]) + struct.pack("<IIII", 1, 2, 3, 1500) + b"abc"
    with open_capture(written(tmp_path, content)) as capture:
        frame = next(iter(capture))
        assert (frame.length, frame.wire_length) == (3, 1500)


def test_a_cut_file_is_read_up_to_the_cut_and_says_where(tmp_path: Path) -> None:
    whole = pcap([(1, 0, b"first"), (2, 0, b"second")])
    second_record = 24 + 16 + 5
    for size in range(second_record + 1, len(whole)):
        with open_capture(written(tmp_path, whole[:size])) as capture:
            assert [frame.octets for frame in capture] == [b"first"]
            assert capture.truncated_at == second_record


def test_the_frame_check_length_beside_the_link_type_is_ignored(tmp_path: Path) -> None:
    with open_capture(written(tmp_path, pcap([(1, 0, b"x")], link_type=0x1400_0001))) as capture:
        assert next(iter(capture)).link_type == 1


@pytest.mark.parametrize(
    ("content", "offset", "reason"),
    [
        (b"", 0, "empty"),
        (b"GET / HTTP/1.1\r\n", 0, "neither pcap nor pcapng"),
        (b"\xd4\xc3\xb2\xa1" + bytes(10), 14, "ends inside the pcap header"),
        (pcap([], link_type=249), 20, r"LINKTYPE_USBPCAP \(249\)"),
        (pcap([], link_type=4711), 20, "link type 4711"),
    ],
)
def test_what_is_no_readable_capture_is_refused_with_path_and_offset(
    tmp_path: Path, content: bytes, offset: int, reason: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(CaptureFileError, match=reason) as caught:
        open_capture(path)
    assert caught.value.path == path
    assert caught.value.offset == offset
    assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.pcap", tmp_path):
        with pytest.raises(CaptureFileError, match="cannot be read"):
            open_capture(path)


def test_a_damaged_record_is_an_error_after_the_frames_before_it(tmp_path: Path) -> None:
    content = pcap([(1, 0, b"first")]) + struct.pack("<IIII", 2, 0, 0xFFFF_FFF0, 5) + b"xxxxx"
    with open_capture(written(tmp_path, content)) as capture:
        frames = iter(capture)
        assert next(frames).octets == b"first"
        with pytest.raises(CaptureFileError, match="damaged record") as caught:
            next(frames)
    assert caught.value.offset == 24 + 16 + 5


@given(content=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_damaged_contents_end_in_frames_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = written(tmp_path_factory.mktemp("damaged"), pcap([]) + content)
    total = 0
    with open_capture(path) as capture:
        try:
            total = sum(frame.length for frame in capture)
        except CaptureFileError as error:
            total = error.offset - 24
    assert total <= len(content)
