"""Blocks of a pcapng file (draft-ietf-opsawg-pcapng)."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from struct import Struct

from capture_agent.capture.errors import CaptureFileError
from capture_agent.wire.frame import Frame
from capture_agent.wire.link import LINK_LAYERS, link_type_name

SECTION_HEADER_MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
SECTION_HEADER, INTERFACE, PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 0x0A0D0D0A, 1, 2, 3, 6
OPTION_END, OPTION_TSRESOL, OPTION_TSOFFSET = 0, 9, 14
MIN_BLOCK_BYTES = 12
MAX_BLOCK_BYTES = 64 << 20
"""A block that claims more is a damaged file; a packet block holds one frame and its options."""
MAX_INTERFACES = 65536
NO_TIME_US = 2**63 - 1
"""Time of a packet whose clock cannot be: before 1970, or beyond 64 bits. Later than what can be stored."""


@dataclass(frozen=True, slots=True)
class Interface:
    """One interface description block."""

    link_type: int
    snap_length: int
    ticks_per_second: int
    offset_us: int


def section_byte_order(buffer: mmap.mmap, offset: int, path: Path) -> str:
    """Byte order ("<" or ">") of the section whose header block starts at `offset`."""
    order = BYTE_ORDERS.get(buffer[offset + 8 : offset + 12])
    if order is None:
        raise CaptureFileError(path, offset + 8, "pcapng section header without its byte-order magic")
    return order


class BlockReader:
    """Iterates over the frames of a pcapng file; `truncated_at` is set if its end is cut.

    Frames of interfaces whose link type is unknown are left out and counted, for a capture of all interfaces
    of a machine may have a USB bus among them. A file with no other frames is refused when all of it is read.
    """

    def __init__(self, buffer: mmap.mmap, path: Path) -> None:
        self._buffer = buffer
        self._path = path
        self._interfaces: list[Interface] = []
        self._last_ts_us = 0
        self._frames = 0
        self._left_out_at: int | None = None
        self.truncated_at: int | None = None
        self.left_out: dict[int, int] = {}
        """Unknown link type -> frames."""

    def __iter__(self) -> Iterator[Frame]:
        buffer, size, offset = self._buffer, len(self._buffer), 0
        order = ""
        while offset + MIN_BLOCK_BYTES <= size:
            if buffer[offset : offset + 4] == SECTION_HEADER_MAGIC:
                order = section_byte_order(buffer, offset, self._path)
                self._use_byte_order(order)
                self._interfaces = []
            kind, length = self._block_header.unpack_from(buffer, offset)
            if length < MIN_BLOCK_BYTES or length % 4 or length > MAX_BLOCK_BYTES:
                raise CaptureFileError(self._path, offset, f"damaged block: it claims {length} bytes")
            if offset + length > size:
                break
            frame = None
            if kind == ENHANCED_PACKET:
                frame = self._enhanced_packet(offset, length)
            elif kind == INTERFACE:
                self._add_interface(offset, length)
            elif kind == SIMPLE_PACKET:
                frame = self._simple_packet(offset, length)
            elif kind == PACKET:
                frame = self._packet(offset, length)
            if frame is not None:
                if frame.link_type in LINK_LAYERS:
                    self._frames += 1
                    yield frame
                else:
                    self._leave_out(frame.link_type, offset)
            offset += length
        if offset < size:
            self.truncated_at = offset
        if self._left_out_at is not None and not self._frames:
            names = ", ".join(map(link_type_name, self.left_out))
            raise CaptureFileError(
                self._path, self._left_out_at, f"unknown link type: {names} is not supported"
            )

    def _leave_out(self, link_type: int, offset: int) -> None:
        if self._left_out_at is None:
            self._left_out_at = offset
        self.left_out[link_type] = self.left_out.get(link_type, 0) + 1

    def _use_byte_order(self, order: str) -> None:
        self._block_header = Struct(order + "II")
        self._u16_pair = Struct(order + "HH")
        self._u32 = Struct(order + "I")
        self._i64 = Struct(order + "q")
        self._enhanced = Struct(order + "IIIII")
        self._obsolete = Struct(order + "HHIIII")

    def _add_interface(self, offset: int, length: int) -> None:
        if length < 20:
            raise CaptureFileError(self._path, offset, "interface description block cut short")
        if len(self._interfaces) >= MAX_INTERFACES:
            raise CaptureFileError(self._path, offset, f"more than {MAX_INTERFACES} interfaces")
        link_type, _reserved = self._u16_pair.unpack_from(self._buffer, offset + 8)
        snap_length = self._u32.unpack_from(self._buffer, offset + 12)[0]
        ticks_per_second, offset_us = 1_000_000, 0
        at, end = offset + 16, offset + length - 4
        while at + 4 <= end:
            code, size = self._u16_pair.unpack_from(self._buffer, at)
            at += 4
            if code == OPTION_END or at + size > end:
                break
            if code == OPTION_TSRESOL and size == 1:
                exponent = self._buffer[at]
                ticks_per_second = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
            elif code == OPTION_TSOFFSET and size == 8:
                offset_us = self._i64.unpack_from(self._buffer, at)[0] * 1_000_000
            at += (size + 3) & ~3
        self._interfaces.append(Interface(link_type, snap_length, ticks_per_second, offset_us))

    def _interface(self, number: int, offset: int) -> Interface:
        if number >= len(self._interfaces):
            raise CaptureFileError(
                self._path, offset, f"packet of interface {number}, which is not described"
            )
        return self._interfaces[number]

    def _frame(
        self, interface: Interface, ticks: int, begin: int, captured: int, wire_length: int, end: int
    ) -> Frame:
        if begin + captured > end:
            raise CaptureFileError(self._path, begin, f"damaged block: it claims {captured} captured bytes")
        if interface.ticks_per_second == 1_000_000:
            ts_us = ticks + interface.offset_us
        else:
            ts_us = ticks * 1_000_000 // interface.ticks_per_second + interface.offset_us
        if not 0 <= ts_us < NO_TIME_US:
            ts_us = NO_TIME_US
        self._last_ts_us = ts_us
        return Frame(ts_us, interface.link_type, self._buffer, begin, captured, wire_length)

    def _enhanced_packet(self, offset: int, length: int) -> Frame:
        if length < 32:
            raise CaptureFileError(self._path, offset, "enhanced packet block cut short")
        number, high, low, captured, wire_length = self._enhanced.unpack_from(self._buffer, offset + 8)
        return self._frame(
            self._interface(number, offset),
            high << 32 | low,
            offset + 28,
            captured,
            wire_length,
            offset + length - 4,
        )

    def _packet(self, offset: int, length: int) -> Frame:
        if length < 32:
            raise CaptureFileError(self._path, offset, "packet block cut short")
        number, _drops, high, low, captured, wire_length = self._obsolete.unpack_from(
            self._buffer, offset + 8
        )
        return self._frame(
            self._interface(number, offset),
            high << 32 | low,
            offset + 28,
            captured,
            wire_length,
            offset + length - 4,
        )

    def _simple_packet(self, offset: int, length: int) -> Frame:
        """A frame of interface 0; the block has no clock, so it gets the time of the frame before it."""
        if length < 16:
            raise CaptureFileError(self._path, offset, "simple packet block cut short")
        interface = self._interface(0, offset)
        wire_length = self._u32.unpack_from(self._buffer, offset + 8)[0]
        captured = min(wire_length, length - 16)
        if interface.snap_length:
            captured = min(captured, interface.snap_length)
        return Frame(self._last_ts_us, interface.link_type, self._buffer, offset + 12, captured, wire_length)
