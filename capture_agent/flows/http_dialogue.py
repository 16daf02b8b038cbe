"""What client and server say over HTTP, once their bytes are in order: which response answers which request.

A dialogue takes the bytes of both sides and gives finished requests. That of HTTP/1.1 may end in an upgrade
to HTTP/2 (RFC 7540 section 3.2) or to another protocol. Http2Dialogue has the same methods.
"""

from __future__ import annotations

from collections import deque

from capture_agent.flows.http_pending import Pending
from capture_agent.wire.http1 import RequestHead, ResponseHead
from capture_agent.wire.http1_stream import RequestReader, ResponseReader

MAX_PENDING = 256
"""Requests of one connection that may wait for their responses: browsers and servers allow 100 streams."""
CONTINUES, SWITCHES = 100, 101


class TooManyPending(Exception):  # noqa: N818 - named for what was met
    """More requests wait for their responses than are held."""


class Http1Dialogue:
    """Requests and responses one after another, pipelined or not.

    `from_client` and `from_server` raise Malformed, and TooManyPending.
    """

    def __init__(self) -> None:
        self.pending: deque[Pending] = deque()
        """Requests whose response is not over."""
        self.done: list[Pending] = []
        """Requests that will not be followed any further, oldest first; whoever takes them empties it."""
        self.upgrade: tuple[Pending, bytes] | None = None
        """The request that the server answers in HTTP/2, and what it has sent of that already."""
        self.is_other_protocol = False
        """A tunnel, a WebSocket or another upgrade began."""
        self.requests = 0
        self._requests = RequestReader()
        self._responses = ResponseReader()
        self._sending: Pending | None = None
        """The request whose body is still coming."""
        self._is_interim = False
        self._began_us: int | None = None
        self._fields_bytes = 0

    @property
    def held_bytes(self) -> int:
        """Bytes held for what is not whole, and of the requests that wait."""
        return self._requests.buffered_bytes + self._responses.buffered_bytes + self._fields_bytes

    def from_client(self, octets: bytes, ts_us: int) -> None:
        """The next bytes of the client."""
        if self._requests.is_between_messages or self._began_us is None:
            self._began_us = ts_us
        for found in self._requests.feed(octets):
            if isinstance(found, RequestHead):
                self._sending = self._begin(found, self._began_us)
            elif self._sending is not None:
                self._sending.request_bytes = self._requests.head_bytes + self._requests.body_bytes
                self._sending = None
                self._began_us = ts_us
        if self._sending is not None:
            self._sending.request_bytes = self._requests.head_bytes + self._requests.body_bytes

    def from_server(self, octets: bytes) -> None:
        """The next bytes of the server."""
        self._expect()
        for found in self._responses.feed(octets):
            if isinstance(found, ResponseHead):
                self._answered(found)
            elif self._is_interim:
                self._is_interim = False
            elif self.pending:
                self.pending[0].response_bytes = self._responses.body_bytes
                self._finish_first()
            self._expect()
        if self.pending and self.pending[0].status:
            self.pending[0].response_bytes = self._responses.body_bytes

    def skip(self, size: int, *, is_client: bool) -> bool:
        """Pass over bytes that were not captured; False if they could have been part of a head."""
        reader = self._requests if is_client else self._responses
        if not reader.can_skip(size):
            return False
        for _ in reader.skip(size):
            if is_client:
                self._sending = None
            elif self.pending:
                self.pending[0].response_bytes = self._responses.body_bytes
                self._finish_first()
        return True

    def may_begin_server(self, octets: bytes) -> bool:
        """The bytes look like the first that a server sends."""
        return octets.startswith(b"HTTP/")

    def restart_requests(self) -> None:
        """Bytes of the client are lost; the next are those of a request."""
        self._requests = RequestReader()
        self._sending = None

    def restart_responses(self) -> None:
        """Bytes of the server are lost; the next are those of a response.

        It answers the last request: but for pipelining, a client waits for one response before it goes on.
        """
        self._responses = ResponseReader()
        self._is_interim = False
        while len(self.pending) > 1:
            self._finish_first()

    def give_up_waiting(self) -> None:
        """No more of the server will be read: what is pending is done."""
        while self.pending:
            self._finish_first()

    def _begin(self, head: RequestHead, began_us: int) -> Pending:
        if len(self.pending) >= MAX_PENDING:
            raise TooManyPending
        self.requests += 1
        request = Pending(
            number=self.requests,
            began_us=began_us,
            method=head.method,
            scheme=None,
            target=head.target,
            version=head.version,
            authority=None,
            fields=head.fields,
            held_bytes=self._requests.head_bytes,
        )
        self._fields_bytes += request.held_bytes
        self.pending.append(request)
        return request

    def _expect(self) -> None:
        if self.pending and not self.pending[0].status:
            self._responses.method = self.pending[0].method

    def _answered(self, head: ResponseHead) -> None:
        first = self.pending[0] if self.pending else None
        if CONTINUES <= head.status < 200 and head.status != SWITCHES:
            self._is_interim = True
            return
        if first is None:
            return
        first.status = head.status
        if head.status == SWITCHES:
            rest = self._responses.take_rest()
            if offers_h2c(first):
                self.pending.popleft()
                self.upgrade = first, rest
            else:
                self._finish_first()
                self.is_other_protocol = True
        elif first.method == b"CONNECT" and head.status < 300:
            self._responses.take_rest()
            self._finish_first()
            self.is_other_protocol = True

    def _finish_first(self) -> None:
        first = self.pending.popleft()
        self._fields_bytes -= first.held_bytes
        self.done.append(first)


def offers_h2c(request: Pending) -> bool:
    """The client offers to go on in HTTP/2 (RFC 7540 section 3.2)."""
    return RequestHead(request.method, request.target, request.version, request.fields).upgrades_to(b"h2c")
