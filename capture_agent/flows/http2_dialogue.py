"""As `http_dialogue` for HTTP/2 in cleartext, from its preface on (RFC 9113 section 3.4)."""

from __future__ import annotations

from capture_agent.fingerprint.http2_settings import h2_fingerprint
from capture_agent.flows.http_dialogue import MAX_PENDING, TooManyPending
from capture_agent.flows.http_pending import Pending
from capture_agent.wire.errors import Malformed
from capture_agent.wire.http1 import Field, values_of
from capture_agent.wire.http2 import PREFACE, SETTINGS, parse_http2_start
from capture_agent.wire.http2_stream import (
    FRAME_HEADER_BYTES,
    Data,
    FrameReader,
    HeaderBlock,
    Reset,
    Settings,
)

MAX_OPENING_BYTES = 8_192
"""Bytes that are kept until the first header block for the fingerprint; Chromium sends some 700."""
VERSION = b"HTTP/2.0"


class Http2Dialogue:
    """Streams side by side."""

    def __init__(self, requests: int = 0, upgraded: Pending | None = None) -> None:
        """`requests`: how many came before on the connection; `upgraded` is answered as stream 1."""
        self.pending: dict[int, Pending] = {}
        self.done: list[Pending] = []
        self.requests = requests
        self.fingerprint: str | None = None
        self._client = FrameReader()
        self._server = FrameReader()
        self._preface = b""
        self._opening: bytearray | None = bytearray()
        self._fields_bytes = 0
        if upgraded is not None:
            upgraded.stream = 1
            self._hold(upgraded)

    @property
    def held_bytes(self) -> int:
        """As Http1Dialogue says."""
        opening = 0 if self._opening is None else len(self._opening)
        return self._client.buffered_bytes + self._server.buffered_bytes + self._fields_bytes + opening

    def from_client(self, octets: bytes, ts_us: int) -> None:
        """As Http1Dialogue says."""
        wanted = len(PREFACE) - len(self._preface)
        if wanted:
            self._preface += octets[:wanted]
            octets = octets[wanted:]
            if not PREFACE.startswith(self._preface):
                raise Malformed("connection preface of HTTP/2 is not as it must be", 0)
        self._keep_opening(octets)
        for found in self._client.feed(octets):
            if isinstance(found, HeaderBlock):
                self._opening_ended()
                if found.stream not in self.pending:
                    self._begin(found, ts_us)
            elif isinstance(found, Reset):
                self._finish(found.stream)
            elif isinstance(found, Settings):
                self._allow(self._server, found)

    def from_server(self, octets: bytes) -> None:
        """As Http1Dialogue says."""
        for found in self._server.feed(octets):
            if isinstance(found, Settings):
                self._allow(self._client, found)
                continue
            request = self.pending.get(found.stream)
            if request is None:
                continue
            ends_stream = isinstance(found, Reset)
            if isinstance(found, HeaderBlock):
                ends_stream = found.ends_stream
                request.status = _status(found.fields) or request.status
            elif isinstance(found, Data):
                ends_stream = found.ends_stream
                request.response_bytes += found.size + FRAME_HEADER_BYTES
            if ends_stream:
                self._finish(found.stream)

    def skip(self, size: int, *, is_client: bool) -> bool:
        """As Http1Dialogue says."""
        reader = self._client if is_client else self._server
        if not reader.can_skip(size):
            return False
        reader.skip(size)
        return True

    def may_begin_server(self, octets: bytes) -> bool:
        """A SETTINGS frame is the server's preface."""
        return octets[3:5] == bytes((SETTINGS, 0)) and octets[5:9] == bytes(4)

    def give_up_waiting(self) -> None:
        """As Http1Dialogue says."""
        for stream in list(self.pending):
            self._finish(stream)

    def _begin(self, block: HeaderBlock, began_us: int) -> None:
        if len(self.pending) >= MAX_PENDING:
            raise TooManyPending
        pseudo = {name: value for name, value in reversed(block.fields) if name[:1] == b":"}
        if b":method" not in pseudo:
            # A trailer of a request that is over, or no request at all.
            return
        self.requests += 1
        fields = tuple(field for field in block.fields if field[0][:1] != b":")
        self._hold(
            Pending(
                number=self.requests,
                began_us=began_us,
                method=pseudo[b":method"],
                scheme=pseudo.get(b":scheme"),
                target=pseudo.get(b":path", b""),
                version=VERSION,
                authority=pseudo.get(b":authority"),
                fields=fields,
                held_bytes=sum(len(name) + len(value) for name, value in block.fields),
                stream=block.stream,
            )
        )

    def _hold(self, request: Pending) -> None:
        self.pending[request.stream or 0] = request
        self._fields_bytes += request.held_bytes

    def _finish(self, stream: int) -> None:
        request = self.pending.pop(stream, None)
        if request is not None:
            self._fields_bytes -= request.held_bytes
            self.done.append(request)

    def _keep_opening(self, octets: bytes) -> None:
        if self._opening is not None:
            self._opening += octets
            if len(self._opening) > MAX_OPENING_BYTES:
                self._opening = None

    def _opening_ended(self) -> None:
        if self._opening is None:
            return
        try:
            self.fingerprint = h2_fingerprint(parse_http2_start(bytes(self._opening)))
        except Malformed:
            # The block was decoded; what stands before it in a form of its own only costs the fingerprint.
            self.fingerprint = None
        self._opening = None

    @staticmethod
    def _allow(reader: FrameReader, found: Settings) -> None:
        if found.header_table_size is not None:
            reader.allow_table(found.header_table_size)


def _status(fields: tuple[Field, ...]) -> int | None:
    """The final status; None for an interim response or a trailer."""
    statuses = values_of(fields, b":status")
    if not statuses or len(statuses[0]) != 3 or not statuses[0].isdigit():
        return None
    status = int(statuses[0])
    return status if status >= 200 else None
