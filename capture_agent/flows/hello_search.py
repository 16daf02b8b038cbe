"""Searches an ordered byte stream for the ClientHello: at its start, or behind a preamble."""

from __future__ import annotations

from capture_agent.wire import registry
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.preamble import may_be_tls, read_preamble
from capture_agent.wire.proxy_protocol import ProxiedAddresses
from capture_agent.wire.tls_record import ClientHelloReader

HELLO_START_BYTES = 6
"""A record header and the handshake type: from here on the stream is known to be a hello."""


def may_start_hello(payload: bytes) -> bool:
    """The bytes look like the first of a hello; used where the start of the stream was missed."""
    if len(payload) >= 3 and payload[0] & 0x80:
        return payload[2] == registry.HANDSHAKE_CLIENT_HELLO and payload[3:4] in (b"\x03", b"\x00", b"")
    return (
        len(payload) >= 3
        and payload[0] == registry.RECORD_HANDSHAKE
        and payload[1] == 3
        and (len(payload) < HELLO_START_BYTES or payload[5] == registry.HANDSHAKE_CLIENT_HELLO)
    )


class HelloSearch:
    """Sans-I/O: `feed` takes the next bytes of the stream; a hello, None for need-more, or Malformed."""

    __slots__ = ("_opening", "_reader", "_tls_bytes", "has_hello", "is_done", "preamble", "proxied")

    def __init__(self) -> None:
        self._reader = ClientHelloReader()
        self._opening: bytes | None = b""
        """The bytes before TLS; None once TLS began."""
        self._tls_bytes = 0
        self.preamble: str | None = None
        """Name of what preceded the hello, as in `TlsHello.preamble`."""
        self.proxied: ProxiedAddresses | None = None
        """Addresses of a PROXY protocol header."""
        self.has_hello = False
        """The first hello was found."""
        self.is_done = False
        """No further hello can come."""

    @property
    def buffered_bytes(self) -> int:
        """Bytes held while waiting for more."""
        return self._reader.buffered_bytes + len(self._opening or b"")

    @property
    def is_inside_hello(self) -> bool:
        """Bytes of a hello are held."""
        return not self.is_done and self._reader.buffered_bytes > 0

    @property
    def is_hello_begun(self) -> bool:
        """Enough of the first hello came to know it for one, but it is not whole."""
        return not self.has_hello and self._tls_bytes >= HELLO_START_BYTES and self._reader.buffered_bytes > 0

    def resume_behind_hello(self, size: int, start: bytes, announces_early_data: bool) -> None:
        """Go on as if a hello at the start of the stream had been found; see ClientHelloReader."""
        self._opening = None
        self._tls_bytes = size
        self.has_hello = True
        self._reader.resume_behind_hello(size, start, announces_early_data)

    def feed(self, octets: bytes) -> HelloMessage | None:
        """Take the next bytes; `feed(b"")` reads on behind a hello. Raises Malformed, NotTls among it."""
        if self._opening == b"" and octets and may_be_tls(octets[0]):
            self._opening = None
        elif self._opening is not None and octets:
            opening = self._opening + octets
            preamble = read_preamble(opening)
            if preamble is None:
                self._opening = opening
                return None
            self._opening = None
            self.preamble, self.proxied = preamble.name, preamble.proxied
            octets = opening[preamble.length :]
        self._tls_bytes += len(octets)
        hello = self._reader.feed(octets)
        if hello is not None:
            self.has_hello = True
        self.is_done = self._reader.is_done
        return hello
