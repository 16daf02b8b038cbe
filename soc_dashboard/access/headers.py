"""Headers that make browsers careful: what a page may load, who may frame it, what is kept."""

from __future__ import annotations

import re
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OWN_PAGES = re.compile(r"/(login|logout|account|users)(/.*)?\Z", re.DOTALL)
"""Pages of this package: plain HTML without a script of their own in it."""
ASSETS = ("/assets/", "/static/", "/components/")
_SCRIPT = re.compile(rb"<script(?=[\s>])")

STRICT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PANEL_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' blob:; worker-src 'self' blob:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HSTS = "max-age=31536000"


class SecurityHeaders:
    """Adds the headers to every answer; pages of Panel get a nonce on each script that the server wrote.

    Everything in such a page that comes from traffic is escaped markup, or JSON with its angle brackets
    escaped, so each `<script` in it is one of the template's.
    """

    def __init__(self, app: ASGIApp, is_https: bool) -> None:
        self._app = app
        self._is_https = is_https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(scope["path"], self._is_https, send)
        await self._app(scope, receive, answer.send)


class _Answer:
    """One answer on its way; a page of Panel is held back until it is whole."""

    def __init__(self, path: str, is_https: bool, send: Send) -> None:
        self._path = path
        self._is_https = is_https
        self._send = send
        self._held: Message | None = None
        self._nonce = ""
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        """Pass a message on with what it lacks."""
        if message["type"] == "http.response.start":
            self._complete(MutableHeaders(scope=message))
            if self._nonce:
                self._held = message
                return
        if message["type"] == "http.response.body" and self._held is not None:
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            page = _SCRIPT.sub(f'<script nonce="{self._nonce}"'.encode(), bytes(self._body))
            MutableHeaders(scope=self._held)["Content-Length"] = str(len(page))
            await self._send(self._held)
            message = {"type": "http.response.body", "body": page}
        await self._send(message)

    def _complete(self, headers: MutableHeaders) -> None:
        for name, value in _ALWAYS.items():
            headers[name] = value
        if self._is_https:
            headers["Strict-Transport-Security"] = HSTS
        if not self._path.startswith(ASSETS):
            headers.setdefault("Cache-Control", "no-store")
        is_page = headers.get("content-type", "").startswith("text/html")
        if is_page and not OWN_PAGES.match(self._path):
            self._nonce = secrets.token_urlsafe(16)
            headers["Content-Security-Policy"] = PANEL_POLICY.format(nonce=self._nonce)
        else:
            headers["Content-Security-Policy"] = STRICT_POLICY
