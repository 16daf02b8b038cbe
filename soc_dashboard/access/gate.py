"""The gate: every request and every live connection passes here before anything is served."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Mapping

import structlog
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from soc_dashboard.access.caller import Answer, Caller, judged, maybe_caller
from soc_dashboard.access.identity import acting_as
from soc_dashboard.access.origins import Origins
from soc_dashboard.access.policy import SAFE_METHODS, need_of
from soc_dashboard.access.refusals import is_api, refusal
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.sessions import Session
from soc_dashboard.api.problems import problem

CSRF_HEADER = "x-csrf-token"
RECHECK_S = 5.0
"""A live connection whose session has ended is closed after this at the latest."""
CLOSED_BY_GATE = 4401
"""Of the codes for applications (RFC 6455 section 7.4.2); the page then asks for a sign-in."""

log = structlog.get_logger(__name__)


class Gate:
    """ASGI middleware that finds the caller, judges, and runs the rest on the caller's behalf."""

    def __init__(
        self,
        app: ASGIApp,
        accounts: Accounts,
        origins: Origins,
        cookie_name: str,
        on_closed: Callable[[Scope], None],
    ) -> None:
        """`on_closed` hears of every live connection that has ended."""
        self._app = app
        self._accounts = accounts
        self._origins = origins
        self._cookie_name = cookie_name
        self._on_closed = on_closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or live connection."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._connection(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        path, headers = scope["path"], request.headers
        caller = self._maybe_caller(request)
        answer = judged(caller, need_of(request.method, path))
        if answer is not Answer.PASS:
            await refusal(request, answer)(scope, receive, send)
            return
        if request.method not in SAFE_METHODS and self._is_forged(headers, path, caller):
            log.warning("a writing request that no page of ours made", path=path[:200])
            await problem(request, 403, "This request was not made by a page of this dashboard.")(
                scope, receive, send
            )
            return
        scope.setdefault("state", {})["caller"] = caller
        if caller is None:
            await self._app(scope, receive, send)
            return
        if caller.maybe_session is not None:
            self._accounts.sessions.touch(caller.maybe_session)
        with acting_as(caller.user):
            await self._app(scope, receive, send)

    async def _connection(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        path, headers = scope["path"], connection.headers
        caller = self._maybe_caller(connection)
        is_allowed = judged(caller, need_of("GET", path)) is Answer.PASS and self._origins.is_own(headers)
        if not is_allowed or caller is None or caller.maybe_session is None:
            log.warning("a live connection was refused", path=path[:200], origin=headers.get("origin", ""))
            await send({"type": "websocket.close", "code": CLOSED_BY_GATE})
            return
        watched = _WatchedReceive(self._accounts, caller.maybe_session, receive, send)
        try:
            with acting_as(caller.user):
                await self._app(scope, watched, send)
        finally:
            watched.stop()
            self._on_closed(scope)

    def _maybe_caller(self, connection: HTTPConnection) -> Caller | None:
        cookie = connection.cookies.get(self._cookie_name)
        return maybe_caller(self._accounts, connection.headers, cookie, is_api(connection.scope["path"]))

    def _is_forged(self, headers: Mapping[str, str], path: str, caller: Caller | None) -> bool:
        """Whether a writing request may be the work of another site in the caller's browser.

        Forms carry their token in the body, which `forms.read_form` checks; the API in a header.
        """
        if caller is not None and caller.maybe_session is None:
            return False
        if not self._origins.is_own(headers):
            return True
        if caller is None or not is_api(path):
            return False
        return not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), caller.csrf_token.encode())


class _WatchedReceive:
    """The messages of a live connection, ended when the session behind it ends."""

    def __init__(self, accounts: Accounts, session: Session, receive: Receive, send: Send) -> None:
        self._accounts = accounts
        self._session = session
        self._receive = receive
        self._send = send
        self._pending: asyncio.Future[Message] | None = None

    async def __call__(self) -> Message:
        while True:
            if self._pending is None:
                self._pending = asyncio.ensure_future(self._receive())
            done, _ = await asyncio.wait({self._pending}, timeout=RECHECK_S)
            session = self._accounts.sessions.maybe_held(self._session.secret_hash)
            if session is None:
                self.stop()
                await self._send({"type": "websocket.close", "code": CLOSED_BY_GATE, "reason": "signed out"})
                return {"type": "websocket.disconnect", "code": CLOSED_BY_GATE}
            if done:
                message, self._pending = self._pending.result(), None
                if message["type"] == "websocket.receive":
                    self._accounts.sessions.touch(session)
                return message

    def stop(self) -> None:
        """Wait for no further message."""
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
