"""An HTTP/3 server that logs each request as one JSON line in the agent's own format.

    python -m lab.quic_server ADDRESS LOG CERTIFICATE KEY [--site]

Without --site every path is answered with 200. Needs aioquic.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, TextIO

from aioquic.asyncio import QuicConnectionProtocol, serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from lab.recording.site import Answer, Asked, answer

IDLE_S = 5.0


class _Connection(QuicConnectionProtocol):
    """One connection."""

    log: TextIO
    local: str
    has_site = False
    connections = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._h3: H3Connection | None = None
        self._asked: dict[int, tuple[int, list[tuple[str, str]], bytes]] = {}
        type(self).connections += 1
        self._number, self._requests = self.connections, 0
        self._started_us = time.time_ns() // 1000

    def quic_event_received(self, event: QuicEvent) -> None:
        """Collect requests; answer each when its body has ended."""
        if isinstance(event, ProtocolNegotiated):
            self._h3 = H3Connection(self._quic)
        if self._h3 is None:
            return
        for found in self._h3.handle_event(event):
            if isinstance(found, HeadersReceived) and found.stream_id not in self._asked:
                fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in found.headers]
                self._asked[found.stream_id] = (time.time_ns() // 1000, fields, b"")
            elif isinstance(found, DataReceived) and found.stream_id in self._asked:
                at_us, fields, body = self._asked[found.stream_id]
                self._asked[found.stream_id] = (at_us, fields, (body + found.data)[:10_000])
            if isinstance(found, HeadersReceived | DataReceived) and found.stream_ended:
                self._answer(found.stream_id, *self._asked.pop(found.stream_id))

    def _answer(self, stream: int, at_us: int, fields: list[tuple[str, str]], body: bytes) -> None:
        pseudo = {name: value for name, value in fields if name.startswith(":")}
        headers = [(name, value) for name, value in fields if not name.startswith(":")]
        asked = Asked(
            pseudo.get(":method", ""),
            pseudo.get(":authority", ""),
            pseudo.get(":path", ""),
            dict(headers),
            body,
        )
        found = answer(asked) if self.has_site else Answer(200, (), b"hello\n")
        assert self._h3 is not None
        length = [] if found.status in (204, 304) else [(b"content-length", str(len(found.body)).encode())]
        sent = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in found.headers]
        self._h3.send_headers(stream, [(b":status", str(found.status).encode()), *sent, *length])
        self._h3.send_data(stream, b"" if asked.method == "HEAD" else found.body, end_stream=True)
        self.transmit()
        self._requests += 1
        self._log(asked, found, at_us, headers)

    def _log(self, asked: Asked, found: Answer, at_us: int, headers: list[tuple[str, str]]) -> None:
        peer = self._quic._network_paths[0].addr
        event = {
            "t_us": at_us,
            "src_ip": peer[0].removeprefix("::ffff:"),
            "src_port": peer[1],
            "dst_ip": self.local,
            "dst_port": 443,
            "method": asked.method,
            "unparsed_uri": asked.target,
            "proto": "HTTP/3.0",
            "status": found.status,
            "headers": headers,
            "dur_us": time.time_ns() // 1000 - at_us,
            "scheme": "https",
            "host": asked.host,
            "conn_seq": self._number,
            "conn_req": self._requests,
            "conn_start_us": self._started_us,
            "bytes": len(found.body),
            "header_order_source": "wire",
        }
        self.log.write(json.dumps(event) + "\n")
        self.log.flush()


async def _main(address: str, log: str, certificate: str, key: str, *options: str) -> None:
    configuration = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, idle_timeout=IDLE_S)
    configuration.load_cert_chain(certificate, key)
    _Connection.log = open(log, "a")  # noqa: SIM115 - open as long as the server runs
    _Connection.local = address
    _Connection.has_site = "--site" in options
    await serve(address, 443, configuration=configuration, create_protocol=_Connection)
    print("listening", flush=True)
    await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
