"""Capture files: pcap and pcapng, read through a memory map.

Formats: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. pcap in both byte orders with
microseconds or nanoseconds; pcapng with any number of sections and interfaces, their clock
resolution and offset, unknown blocks and options skipped.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import NamedTuple, Self

from capture_agent.capture import pcapng
from capture_agent.capture.errors import CaptureFileError
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINK_LAYERS, link_type_name

PCAP_MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1000),
}
"""First four bytes -> byte order, and units of the fraction field in a microsecond."""
PCAP_HEADER_BYTES = 24
RECORD_HEADER_BYTES = 16
MAX_FRAME_BYTES = 16 << 20
"""A record that claims more is a damaged file; libpcap refuses above 128 MiB, Linux sends 64 kB at most."""
RELEASE_BYTES = 16 << 20
"""How much of the map is read before its pages are given back, so that memory does not grow with the file."""


class PcapRecords(NamedTuple):
    """What a reader of its own needs to walk the records of a pcap file."""

    buffer: mmap.mmap
    offset: int
    """Of the next record's header."""
    is_little_endian: bool
    units_per_us: int
    link_type: int


class CaptureFile:
    """The frames of one capture file, in the order of the file.

    Iterate once. Afterwards `truncated_at` is the offset of a record that the end of the file cut
    short (every frame before it was given), or None. Raises CaptureFileError on opening what is no
    capture or has an unknown link type, and while iterating on a damaged record.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.truncated_at: int | None = None
        self.left_out: dict[int, int] = {}
        """Unknown link type -> frames of it that were left out beside those of known ones (pcapng)."""
        self.frames = 0
        self._offset = PCAP_HEADER_BYTES
        try:
            with self.path.open("rb") as file:
                if self.path.stat().st_size == 0:
                    raise CaptureFileError(self.path, 0, "the file is empty")
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise CaptureFileError(self.path, 0, f"cannot be read: {error}") from error
        self._map.madvise(mmap.MADV_SEQUENTIAL)
        magic = self._map[:4]
        try:
            if magic in PCAP_MAGICS:
                self.format = "pcap"
                self._open_pcap(magic)
            elif magic == pcapng.SECTION_HEADER_MAGIC:
                self.format = "pcapng"
                pcapng.section_byte_order(self._map, 0, self.path)
            else:
                raise CaptureFileError(
                    self.path, 0, f"neither pcap nor pcapng: it starts with {magic.hex(' ')}"
                )
        except CaptureFileError:
            self._map.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the file; frames that were given out must not be used any more."""
        self._map.close()

    def __iter__(self) -> Iterator[Frame]:
        return self._pcap_frames() if self.format == "pcap" else self._pcapng_frames()

    def maybe_pcap_records(self) -> PcapRecords | None:
        """The records not read yet, for a reader other than iteration; None for pcapng."""
        if self.format != "pcap":
            return None
        is_little_endian = self._record_header.format.startswith("<")
        return PcapRecords(self._map, self._offset, is_little_endian, self._units_per_us, self._link_type)

    def skip_to(self, offset: int) -> None:
        """Records before `offset` were read elsewhere: iteration starts there; their pages are given back."""
        self._release(self._offset & -mmap.PAGESIZE, offset)
        self._offset = offset

    def _release(self, start: int, upto: int) -> int:
        """Give the pages before `upto` back; returns where the next ones start."""
        upto &= -mmap.PAGESIZE
        self._map.madvise(mmap.MADV_DONTNEED, start, upto - start)
        return upto

    def _open_pcap(self, magic: bytes) -> None:
        if len(self._map) < PCAP_HEADER_BYTES:
            raise CaptureFileError(self.path, len(self._map), "the file ends inside the pcap header")
        order, self._units_per_us = PCAP_MAGICS[magic]
        # The upper bits of the field hold the length of the frame check sequence.
        self._link_type: int = Struct(order + "I").unpack_from(self._map, 20)[0] & 0xFFFF
        self._record_header = Struct(order + "IIII")
        if self._link_type not in LINK_LAYERS:
            raise CaptureFileError(
                self.path, 20, f"unknown link type: {link_type_name(self._link_type)} is not supported"
            )

    def _pcap_frames(self) -> Iterator[Frame]:
        buffer, link_type, units = self._map, self._link_type, self._units_per_us
        header = self._record_header.unpack_from
        offset, size = self._offset, len(buffer)
        released = offset & -mmap.PAGESIZE
        release_at = released + RELEASE_BYTES
        while offset + RECORD_HEADER_BYTES <= size:
            seconds, fraction, length, wire_length = header(buffer, offset)
            if length > MAX_FRAME_BYTES:
                raise CaptureFileError(
                    self.path, offset, f"damaged record: it claims {length} captured bytes"
                )
            begin = offset + RECORD_HEADER_BYTES
            if begin + length > size:
                break
            self.frames += 1
            offset = begin + length
            yield Frame(
                seconds * 1_000_000 + fraction // units, link_type, buffer, begin, length, wire_length
            )
            if offset > release_at:
                released = self._release(released, offset)
                release_at = released + RELEASE_BYTES
        if offset < size:
            self.truncated_at = offset

    def _pcapng_frames(self) -> Iterator[Frame]:
        reader = pcapng.BlockReader(self._map, self.path)
        released = 0
        for frame in reader:
            self.frames += 1
            yield frame
            if frame.offset - released > RELEASE_BYTES:
                released = self._release(released, frame.offset)
        self.truncated_at = reader.truncated_at
        self.left_out = reader.left_out


def open_capture(path: str | Path) -> CaptureFile:
    """Open a pcap or pcapng file; CaptureFileError names the path, the offset and the reason."""
    return CaptureFile(path)
