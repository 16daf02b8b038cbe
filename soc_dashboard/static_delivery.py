"""How static files travel: compressed once, and kept by browsers for as long as their address says.

Panel and Bokeh serve 5 MB of scripts without compression, and no answer says how long it holds.
"""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIXES = ("/assets/", "/static/", "/components/")
COMPRESSED_TYPES = ("text/", "application/javascript", "application/json", "image/svg+xml")
LEVEL = 6
MIN_BYTES = 1024
MAX_KEPT_BYTES = 32 * 1024 * 1024
"""Compressed files in memory; all that the dashboard serves are a tenth of it."""
VERSIONED = re.compile(rb"(?:^|&)v=[0-9A-Za-z._-]{5,}")
FOR_EVER = "public, max-age=31536000, immutable"
FOR_AN_HOUR = "public, max-age=3600"
"""Files whose address has no version: those that scripts of Panel import by name, and fonts."""


class StaticDelivery:
    """Wraps the application; touches only answers under PREFIXES."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._kept_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            await self._app(scope, receive, send)
            return
        answer = _Answer(self, scope, send)
        await self._app(scope, receive, answer.send)

    def compressed(self, path: str, etag: str, body: bytes) -> bytes:
        """The body compressed; done once for each state of a file."""
        key = (path, etag)
        found = self._kept.get(key)
        if found is None:
            found = gzip.compress(body, LEVEL, mtime=0)
            self._kept[key] = found
            self._kept_bytes += len(found)
            while self._kept_bytes > MAX_KEPT_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1])
        else:
            self._kept.move_to_end(key)
        return found


class _Answer:
    """One answer on its way; a file that is to be compressed is held until it is whole."""

    def __init__(self, delivery: StaticDelivery, scope: Scope, send: Send) -> None:
        self._delivery = delivery
        self._path: str = scope["path"]
        self._is_versioned = VERSIONED.search(scope.get("query_string", b"")) is not None
        self._takes_gzip = "gzip" in Headers(scope=scope).get("accept-encoding", "")
        self._is_whole = scope["method"] == "GET" and "range" not in Headers(scope=scope)
        self._send = send
        self._held: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            if message["status"] in (200, 304):
                headers.setdefault("Cache-Control", FOR_EVER if self._is_versioned else FOR_AN_HOUR)
                headers.add_vary_header("Accept-Encoding")
            if self._is_compressible(message["status"], headers):
                self._held = message
                return
        elif self._held is not None:
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            headers = MutableHeaders(scope=self._held)
            etag = headers.get("etag", "")
            packed = self._delivery.compressed(self._path, etag, bytes(self._body))
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(packed))
            await self._send(self._held)
            message = {"type": "http.response.body", "body": packed}
        await self._send(message)

    def _is_compressible(self, status: int, headers: MutableHeaders) -> bool:
        return (
            status == 200
            and self._is_whole
            and self._takes_gzip
            and headers.get("content-type", "").startswith(COMPRESSED_TYPES)
            and bool(headers.get("etag"))
            and "content-encoding" not in headers
            and int(headers.get("content-length", MIN_BYTES)) >= MIN_BYTES
        )
