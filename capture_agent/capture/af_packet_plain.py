"""Frames one by one from a packet socket, for kernels and containers that refuse the ring."""

from __future__ import annotations

import select
import socket
import struct
import time
from collections.abc import Sequence

from capture_agent.capture.af_packet_socket import PacketSocket
from capture_agent.capture.kernel_filter import SNAP_BYTES
from capture_agent.selection import Selection
from capture_agent.wire.frame import Frame, frame_of

SO_TIMESTAMPNS = 35
"""Linux include/uapi/asm-generic/socket.h; on 64-bit systems its message holds two 64-bit numbers."""
FRAMES_PER_READ = 512

_timespec = struct.Struct("@qq")


class PlainCapture:
    """A running capture on one interface; slower than a ring and with less room for bursts."""

    def __init__(self, source: PacketSocket, buffer_bytes: int) -> None:
        """Start. Raises OSError. The system's limit net.core.rmem_max may cut `buffer_bytes`."""
        self.name = source.interface
        self._source = source
        self._buffer = bytearray(SNAP_BYTES)
        source.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        source.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        source.socket.setblocking(False)
        self._poller = select.poll()
        self._poller.register(source.socket, select.POLLIN | select.POLLERR)
        self._delivered_until_us = 0
        source.start()

    def read(self, timeout_s: float) -> Sequence[Frame]:
        """Frames that wait in the socket, at most FRAMES_PER_READ. Raises OSError."""
        self._poller.poll(timeout_s * 1_000)
        now_us = time.time_ns() // 1_000
        frames: list[Frame] = []
        while len(frames) < FRAMES_PER_READ:
            try:
                frames.append(self._receive())
            except BlockingIOError:
                break
        if not frames:
            self._delivered_until_us = now_us
        return frames

    def delivered_until_us(self) -> int:
        """Time before which every frame has been read, as of the last read without frames."""
        return self._delivered_until_us

    def fill_ratio(self) -> float:
        """Unknown: the kernel does not tell how full a packet socket is. Drops tell when it was."""
        return 0.0

    def take_drops(self) -> int:
        """Frames that found the socket full since the last call."""
        return self._source.take_drops()

    def select(self, selection: Selection) -> bool:
        """Replace what is captured, at once; False if the kernel selects by ports alone. Raises OSError."""
        return self._source.select(selection)

    def close(self) -> None:
        """Close the socket."""
        self._source.socket.close()

    def _receive(self) -> Frame:
        wire_length, ancillary, _, _ = self._source.socket.recvmsg_into(
            [self._buffer], socket.CMSG_SPACE(_timespec.size), socket.MSG_TRUNC
        )
        seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
        for level, kind, value in ancillary:
            if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
                seconds, nanoseconds = _timespec.unpack(value)
        octets = bytes(memoryview(self._buffer)[: min(wire_length, SNAP_BYTES)])
        return frame_of(
            octets, seconds * 1_000_000 + nanoseconds // 1_000, self._source.link_type, wire_length
        )
