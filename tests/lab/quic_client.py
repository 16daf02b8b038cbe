"""An HTTP/3 client: one connection with a nonce of its own, a few requests over it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from lab.nonces import Sent, host_of, new_nonce, path_of

TIMEOUT_S = 30


class _Client(QuicConnectionProtocol):
    """Sends requests and counts the answers."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._h3 = H3Connection(self._quic)
        self._waiting: dict[int, asyncio.Future[bool]] = {}

    def quic_event_received(self, event: QuicEvent) -> None:
        """An answer wakes whoever asked."""
        for found in self._h3.handle_event(event):
            if isinstance(found, HeadersReceived) and found.stream_id in self._waiting:
                is_good = dict(found.headers)[b":status"] == b"200"
                self._waiting.pop(found.stream_id).set_result(is_good)

    async def get(self, host: str, path: str) -> bool:
        """Whether a request was answered with 200."""
        stream = self._quic.get_next_available_stream_id()
        self._waiting[stream] = asyncio.get_running_loop().create_future()
        pseudo = {":method": "GET", ":scheme": "https", ":authority": host, ":path": path}
        fields = [(name.encode(), value.encode()) for name, value in (*pseudo.items(), ("user-agent", "lab"))]
        self._h3.send_headers(stream, fields, end_stream=True)
        answered = self._waiting[stream]
        self.transmit()
        return await answered


def http3(authority: Path, server: str, requests: int) -> Sent:
    """One connection, one request after another."""
    nonce = new_nonce()

    async def talk() -> int:
        configuration = QuicConfiguration(
            is_client=True, alpn_protocols=H3_ALPN, server_name=host_of(nonce), cafile=str(authority)
        )
        async with connect(server, 443, configuration=configuration, create_protocol=_Client) as client:
            return sum([await client.get(host_of(nonce), path_of(nonce, "open")) for _ in range(requests)])

    return Sent("", nonce, asyncio.run(asyncio.wait_for(talk(), TIMEOUT_S)))
