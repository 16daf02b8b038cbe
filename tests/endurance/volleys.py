"""Many connections at once onto a wire: frames that lie ready in memory, sent with few system calls.

A volley holds the frames of some connections of one kind. Addresses, ports and what a client draws anew are
written into them with numpy before each sending; the kernel is handed a whole stage by `sendmmsg`.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Sequence

import numpy as np
from endurance.dialogues import RecordedFrame
from numpy.typing import NDArray

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
SEND_BUFFER_BYTES = 8 << 20
MMSGHDR_WORDS = 8
"""struct mmsghdr on 64-bit Linux: msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen,
msg_flags, msg_len, each in a word of 8 octets but the last, which shares one with padding."""
ETHERTYPE_ALL = 3

_libc = ctypes.CDLL(None, use_errno=True)


class Wire:
    """A packet socket on an interface, for sending only."""

    def __init__(self, interface: str) -> None:
        # Protocol 0: nothing is received, so no buffer fills.
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._socket.bind((interface, 0))

    def send(self, headers: NDArray[np.uint64], count: int) -> None:
        """Send the first messages of an array of mmsghdr. Raises OSError."""
        sent = 0
        while sent < count:
            at = headers.ctypes.data + sent * MMSGHDR_WORDS * 8
            done = _libc.sendmmsg(self._socket.fileno(), ctypes.c_void_p(at), count - sent, 0)
            if done < 0:
                error = ctypes.get_errno()
                raise OSError(error, os.strerror(error))
            sent += done

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class Volley:
    """The same frames for a number of connections, stage by stage: every first frame, every second, …"""

    def __init__(self, frames: Sequence[RecordedFrame], connections: int) -> None:
        self.connections = connections
        self.frames = len(frames)
        self._stages = [
            np.tile(np.frombuffer(frame.octets, np.uint8), (connections, 1)).copy() for frame in frames
        ]
        self._places = [(frame.client_at, frame.client_port_at) for frame in frames]
        self._noise = [np.array(frame.noise, np.intp) for frame in frames]
        self._iovecs = np.zeros((len(frames) * connections, 2), np.uint64)
        self._headers = np.zeros((len(frames) * connections, MMSGHDR_WORDS), np.uint64)
        for number, stage in enumerate(self._stages):
            rows = slice(number * connections, (number + 1) * connections)
            self._iovecs[rows, 0] = (
                stage.ctypes.data + np.arange(connections, dtype=np.uint64) * stage.shape[1]
            )
            self._iovecs[rows, 1] = stage.shape[1]
        self._headers[:, 2] = self._iovecs.ctypes.data + np.arange(len(self._headers), dtype=np.uint64) * 16
        self._headers[:, 3] = 1

    def send(
        self,
        wire: Wire,
        addresses: NDArray[np.uint32],
        ports: NDArray[np.uint16],
        rng: np.random.Generator,
    ) -> None:
        """Send the frames as if from these clients, one each."""
        address_octets = addresses.astype(">u4").view(np.uint8).reshape(-1, 4)
        port_octets = ports.astype(">u2").view(np.uint8).reshape(-1, 2)
        for stage, (address_at, port_at), noise in zip(self._stages, self._places, self._noise, strict=True):
            stage[:, address_at : address_at + 4] = address_octets
            stage[:, port_at : port_at + 2] = port_octets
            if len(noise):
                drawn = np.frombuffer(rng.bytes(len(noise) * self.connections), np.uint8)
                stage[:, noise] = drawn.reshape(self.connections, -1)
        wire.send(self._headers, len(self._headers))
