"""Finds the ClientHello in the client's half of a byte stream: TLS records, or SSL 2.0 framing.

Sources: RFC 8446 section 5.1 (a message may be spread over records; a plaintext record has at most 2^14
bytes and a handshake record at least one), RFC 5246 appendix E.2 (SSL 2.0 CLIENT-HELLO).
"""

from __future__ import annotations

from capture_agent.wire import registry
from capture_agent.wire.client_hello import parse_client_hello
from capture_agent.wire.errors import Malformed, NotTls
from capture_agent.wire.hello_message import MAX_HELLO_BYTES, HelloMessage

MAX_PLAINTEXT_BYTES = 16_384
MAX_CIPHERTEXT_BYTES = 16_384 + 2_048
"""Largest record of TLS 1.2; the 0-RTT records between two hellos are ciphertext."""
MAX_SKIPPED_BYTES = 65_536
"""Early data passed over while waiting for a second hello; after more the reader is done."""

EARLY_DATA_EXTENSION = registry.EXT_EARLY_DATA.to_bytes(2, "big") + b"\0\0"
"""The extension early_data as it stands in a hello; one that has these bytes may announce early data."""

_RECORD_HEADER_BYTES = 5
_HANDSHAKE_HEADER_BYTES = 4
_RANDOM_END = _HANDSHAKE_HEADER_BYTES + 2 + 32
_SSLV2_HEADER_BYTES = 2
_SSLV2_FIXED_BYTES = 9


class ClientHelloReader:
    """Sans-I/O reader with three outcomes: a hello, None for need-more, or `Malformed`.

    `feed` takes the next bytes of the stream in order, cut anywhere; after a hello it may be fed on and
    finds a second one (HelloRetryRequest), `feed(b"")` included. `NotTls` says that the stream starts
    with something else. Behind a hello only what is a hello for certain counts: one that parses, or one
    that repeats the first's version and random, as RFC 8446 section 4.1.2 demands of the answer to a
    HelloRetryRequest. Everything else there, such as the sealed Finished of a TLS 1.2 resumption whose
    first byte happens to be 1, ends the search without an error. Once `is_done`, or after an error,
    further bytes are ignored. Offsets count from the first byte fed. It holds at most `MAX_HELLO_BYTES`
    and what one `feed` brought.
    """

    __slots__ = (
        "_first_start",
        "_hellos",
        "_is_skipping",
        "_message",
        "_offset",
        "_pending",
        "_record_left",
        "_records",
        "_skipped",
        "is_done",
    )

    def __init__(self) -> None:
        self.is_done = False
        """No further hello can come from this reader: stop feeding it."""
        self._pending = b""
        self._offset = 0
        self._record_left = 0
        self._is_skipping = False
        self._skipped = -1
        self._message = bytearray()
        self._records = 0
        self._hellos = 0
        self._first_start = b""

    @property
    def buffered_bytes(self) -> int:
        """Bytes held while waiting for more."""
        return len(self._pending) + len(self._message)

    def resume_behind_hello(self, size: int, start: bytes, announces_early_data: bool) -> None:
        """Go on as if `size` bytes had been fed that were one hello, with `start` as version and random."""
        self._offset = size
        self._hellos = 1
        self._first_start = start
        self._skipped = 0 if announces_early_data else -1

    def feed(self, octets: bytes) -> HelloMessage | None:
        """Take the next bytes; return a hello if one is now complete, None if more are needed."""
        if self.is_done:
            return None
        self._pending = self._pending + octets if self._pending else octets
        try:
            return self._read()
        except Malformed:
            self.is_done = True
            if self._hellos and not self._repeats_first(self._message):
                return None
            raise
        finally:
            self._drop_if_done()

    def _repeats_first(self, message: bytes | bytearray) -> bool:
        """Whether a second message begins with the version and random of the first hello."""
        start = message[_HANDSHAKE_HEADER_BYTES:_RANDOM_END]
        return len(start) == _RANDOM_END - _HANDSHAKE_HEADER_BYTES and start == self._first_start

    def _drop_if_done(self) -> None:
        if self.is_done:
            self._pending = b""
            self._message.clear()

    def _consume(self, size: int) -> bytes:
        chunk = self._pending[:size]
        self._pending = self._pending[size:]
        self._offset += size
        return chunk

    def _read(self) -> HelloMessage | None:
        if not self._offset and self._pending and self._pending[0] & 0x80:
            return self._read_sslv2()
        while self._pending and not self.is_done:
            if not self._record_left:
                if not self._open_record():
                    return None
                continue
            chunk = self._consume(min(self._record_left, len(self._pending)))
            self._record_left -= len(chunk)
            if self._is_skipping:
                continue
            self._message += chunk
            hello = self._maybe_whole_message()
            if hello is not None:
                return hello
        return None

    def _open_record(self) -> bool:
        """Read a record header; False if it is not all there yet."""
        header = self._pending
        record_type = header[0]
        is_first = not self._offset
        if is_first and record_type != registry.RECORD_HANDSHAKE:
            raise NotTls("first byte starts no handshake record", 0)
        if len(header) > 1 and header[1] != 3:
            if is_first:
                raise NotTls("record version is not 3.x", 1)
            raise Malformed("record version is not 3.x", self._offset + 1)
        if self._message and record_type != registry.RECORD_HANDSHAKE:
            raise Malformed("record of another type inside the hello", self._offset)
        if len(header) < _RECORD_HEADER_BYTES:
            return False
        length = header[3] << 8 | header[4]
        self._is_skipping = record_type != registry.RECORD_HANDSHAKE
        if self._is_skipping:
            self._judge_skipped(record_type, length)
        elif not length:
            raise Malformed("handshake record is empty", self._offset + 3)
        elif length > MAX_PLAINTEXT_BYTES:
            raise Malformed("handshake record is longer than 16384 bytes", self._offset + 3)
        else:
            self._records += 1
        self._consume(_RECORD_HEADER_BYTES)
        self._record_left = length
        return True

    def _judge_skipped(self, record_type: int, length: int) -> None:
        """Between two hellos only change_cipher_spec and promised early data may stand (RFC 8446, D.4)."""
        if record_type == registry.RECORD_CHANGE_CIPHER_SPEC:
            self.is_done = length != 1
        elif record_type == registry.RECORD_APPLICATION_DATA and self._skipped >= 0:
            self._skipped += _RECORD_HEADER_BYTES + length
            self.is_done = length > MAX_CIPHERTEXT_BYTES or self._skipped > MAX_SKIPPED_BYTES
        else:
            self.is_done = True

    def _maybe_whole_message(self) -> HelloMessage | None:
        message = self._message
        start = self._offset - len(message)
        if message[0] != registry.HANDSHAKE_CLIENT_HELLO:
            if self._hellos:
                self.is_done = True
                return None
            raise NotTls("handshake type is not client_hello", start)
        if len(message) < _HANDSHAKE_HEADER_BYTES:
            return None
        body_size = int.from_bytes(message[1:_HANDSHAKE_HEADER_BYTES], "big")
        if body_size > MAX_HELLO_BYTES:
            if self._hellos and len(message) < _RANDOM_END:
                # Too soon to tell whether it is one.
                return None
            raise Malformed("hello is longer than 65536 bytes", start + 1)
        surplus = len(message) - _HANDSHAKE_HEADER_BYTES - body_size
        if surplus < 0:
            return None
        if surplus:
            # A further message in the same record goes back to be read as the start of the next one.
            self._pending = bytes(message[-surplus:]) + self._pending
            self._offset -= surplus
            self._record_left += surplus
            del message[-surplus:]
        if not self._hellos:
            self._first_start = bytes(message[_HANDSHAKE_HEADER_BYTES:_RANDOM_END])
        elif not self._repeats_first(message) and not _parses(bytes(message)):
            self.is_done = True
            return None
        hello = HelloMessage(
            message=bytes(message),
            is_second=self._hellos > 0,
            records=self._records,
            end_offset=self._offset,
        )
        self._hellos += 1
        self._records = 1 if self._record_left else 0
        # Early data is only looked for behind a hello that seems to announce it; a chance match costs
        # no more than passing over MAX_SKIPPED_BYTES.
        if EARLY_DATA_EXTENSION in message:
            self._skipped = max(self._skipped, 0)
        message.clear()
        return hello

    def _read_sslv2(self) -> HelloMessage | None:
        """A two-byte header with the top bit set, then CLIENT-HELLO; anything unlike it is `NotTls`."""
        octets = self._pending
        have = len(octets)
        if have > 2 and octets[2] != registry.HANDSHAKE_CLIENT_HELLO:
            raise NotTls("first byte starts no handshake record", 0)
        if have > 3 and octets[3] not in (0, 3):
            raise NotTls("SSL 2.0 hello has an unknown version", 3)
        if have > 4 and octets[3] == 0 and octets[4] != registry.SSL_2:
            raise NotTls("SSL 2.0 hello has an unknown version", 3)
        if have > 1:
            size = (octets[0] & 0x7F) << 8 | octets[1]
            if size < _SSLV2_FIXED_BYTES:
                raise NotTls("SSL 2.0 record is too short for a hello", 0)
            if have >= _SSLV2_HEADER_BYTES + size:
                self._consume(_SSLV2_HEADER_BYTES)
                message = self._consume(size)
                self._hellos += 1
                self.is_done = True
                return HelloMessage(message=message, is_sslv2_framed=True, end_offset=self._offset)
        return None


def _parses(message: bytes) -> bool:
    try:
        parse_client_hello(message)
    except Malformed:
        return False
    return True
