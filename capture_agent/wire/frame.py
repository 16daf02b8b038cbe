"""One captured frame, as a place in a buffer rather than a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mmap import mmap


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A frame that lies at `offset` in `buffer`, of which `length` bytes were captured.

    A struct over a shared buffer and not bytes, because most frames are only glanced at: making
    one costs 60 ns, copying a frame several times that. The buffer stays valid while the frame is
    held by the consumer that got it; a memory map must not be closed before.
    """

    ts_us: int
    """Capture time, microseconds since the Unix epoch (finer clocks are rounded down)."""
    link_type: int
    """LINKTYPE number of https://www.tcpdump.org/linktypes.html."""
    buffer: bytes | mmap
    offset: int
    length: int
    wire_length: int
    """Bytes the frame had on the wire; more than `length` if the snap length cut it."""

    @property
    def octets(self) -> bytes:
        """A copy of the captured bytes."""
        return self.buffer[self.offset : self.offset + self.length]


def frame_of(octets: bytes, ts_us: int, link_type: int, wire_length: int | None = None) -> Frame:
    """The frame made of `octets`; `wire_length` defaults to their number."""
    return Frame(
        ts_us, link_type, octets, 0, len(octets), len(octets) if wire_length is None else wire_length
    )
