"""Frames out of a TPACKET_V3 ring that the kernel fills and this process maps.

The kernel packs frames into blocks and hands over a block when it is full or RETIRE_MS have passed. The
layout is that of Linux Documentation/networking/packet_mmap.rst and include/uapi/linux/if_packet.h. A block
is copied out in one piece and given back at once: what waits for the pipeline then is ordinary memory, and
no frame can be overwritten while it is looked at.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Iterable, Iterator
from mmap import MAP_SHARED, PROT_READ, PROT_WRITE, mmap

from capture_agent.capture.af_packet_socket import SOL_PACKET, PacketSocket
from capture_agent.selection import Selection
from capture_agent.wire.frame import Frame

PACKET_RX_RING = 5
PACKET_VERSION = 10
TPACKET_V3 = 2
TP_STATUS_USER = 1
BLOCK_BYTES = 256 << 10
"""A frame must fit into one: the largest is kernel_filter.SNAP_BYTES. A block is handed over every RETIRE_MS,
full or not, so the number of blocks is also how long the agent may be kept from running: 1.3 s by default."""
NOMINAL_FRAME_BYTES = 2_048
"""The kernel checks it and then packs frames by their real size."""
RETIRE_MS = 10
DELIVERY_DELAY_US = 4 * RETIRE_MS * 1_000
"""Longest time from a frame's arrival to its block being handed over: the kernel's timer lets a block that
was begun since its last round wait for another one, and has the resolution of the system's tick."""
MIN_BLOCKS = 2

_block_state = struct.Struct("=8xIII")
"""Of tpacket_block_desc: status, number of frames, offset of the first one."""
_block_length = struct.Struct("=20xI")
_frame_header = struct.Struct("=IIIIIxxxxH").unpack_from
"""Of tpacket3_hdr: next offset, seconds, nanoseconds, captured length, wire length, offset of the frame."""
_STATUS_AT = 8


class RingCapture:
    """A running capture on one interface."""

    def __init__(self, source: PacketSocket, ring_bytes: int) -> None:
        """Set up the ring and start. Raises OSError, after which `source` can be used without a ring."""
        self.name = source.interface
        self._source = source
        self._blocks = max(ring_bytes // BLOCK_BYTES, MIN_BLOCKS)
        ring_bytes = self._blocks * BLOCK_BYTES
        receiver = source.socket
        receiver.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V3)
        request = (BLOCK_BYTES, self._blocks, NOMINAL_FRAME_BYTES, ring_bytes // NOMINAL_FRAME_BYTES)
        receiver.setsockopt(SOL_PACKET, PACKET_RX_RING, struct.pack("=7I", *request, RETIRE_MS, 0, 0))
        self._ring = mmap(receiver.fileno(), ring_bytes, MAP_SHARED, PROT_READ | PROT_WRITE)
        self._poller = select.poll()
        self._poller.register(receiver, select.POLLIN | select.POLLERR)
        self._next = 0
        self._delivered_until_us = 0
        source.start()

    def read(self, timeout_s: float) -> Iterable[Frame]:
        """Frames of the next block; none if no block was handed over in time. Raises OSError."""
        at = self._next * BLOCK_BYTES
        if not self._is_ours(at):
            self._wait(timeout_s)
            now_us = time.time_ns() // 1_000
            if not self._is_ours(at):
                self._delivered_until_us = now_us - DELIVERY_DELAY_US
                return ()
        (length,) = _block_length.unpack_from(self._ring, at)
        block = self._ring[at : at + length]
        struct.pack_into("=I", self._ring, at + _STATUS_AT, 0)
        self._next = (self._next + 1) % self._blocks
        return frames_of_block(block, self._source.link_type)

    def delivered_until_us(self) -> int:
        """Time before which every frame has been read, as of the last read without frames."""
        return self._delivered_until_us

    def fill_ratio(self) -> float:
        """Share of the ring that waits to be read."""
        waiting = sum(self._is_ours(at * BLOCK_BYTES) for at in range(self._blocks))
        return waiting / self._blocks

    def take_drops(self) -> int:
        """Frames that found the ring full since the last call."""
        return self._source.take_drops()

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, at once; False if the kernel selects by ports alone. Raises OSError."""
        return self._source.select(selection)

    def close(self) -> None:
        """Unmap the ring and close the socket."""
        self._ring.close()
        self._source.socket.close()

    def _is_ours(self, at: int) -> bool:
        status: int = _block_state.unpack_from(self._ring, at)[0]
        return status & TP_STATUS_USER != 0

    def _wait(self, timeout_s: float) -> None:
        for _, events in self._poller.poll(timeout_s * 1_000):
            if events & select.POLLERR:
                error = self._source.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if error:
                    raise OSError(error, os.strerror(error), self.name)


def frames_of_block(block: bytes, link_type: int) -> Iterator[Frame]:
    """The frames packed into one block of the ring."""
    _, count, offset = _block_state.unpack_from(block)
    for _ in range(count):
        following, seconds, nanoseconds, length, wire_length, start = _frame_header(block, offset)
        yield Frame(
            seconds * 1_000_000 + nanoseconds // 1_000, link_type, block, offset + start, length, wire_length
        )
        offset += following
