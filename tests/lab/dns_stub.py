"""A name server that knows one zone of addresses and denies everything else."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

A, NAME_ERROR = 1, 3
TTL_S = 300


class DnsStub:
    """Answers on UDP port 53 of one address; a context manager. Start it in the namespace it serves."""

    def __init__(self, address: str, names: Mapping[str, str]) -> None:
        """`names`: IPv4 address of each name, in lower case; `*.example` stands for all names below it."""
        self._names = names
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Wakes the thread, though the socket has no peer.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                query, sender = self._socket.recvfrom(2048)
            except OSError:
                return
            if not query:
                return
            if len(query) > 16:
                self._socket.sendto(self.answer(query), sender)

    def answer(self, query: bytes) -> bytes:
        """The response to one query (RFC 1035 section 4.1): an address, nothing, or no such name."""
        labels, at = [], 12
        while (length := query[at]) and at + length < len(query) - 5:
            labels.append(query[at + 1 : at + 1 + length].decode("latin-1").lower())
            at += 1 + length
        question = query[12 : at + 5]
        (kind,) = struct.unpack_from(">H", query, at + 1)
        address = self._names.get(".".join(labels)) or self._names.get(".".join(["*", *labels[1:]]))
        record = b""
        if address is not None and kind == A:
            record = struct.pack(">HHHIH", 0xC00C, A, 1, TTL_S, 4) + socket.inet_aton(address)
        code = 0 if address is not None else NAME_ERROR
        head = query[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, 1 if record else 0, 0, 0)
        return head + question + record
