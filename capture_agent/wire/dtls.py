"""Finds the ClientHello in a DTLS client's datagrams (RFC 6347, RFC 9147: the hello is always plaintext)."""

from __future__ import annotations

from capture_agent.wire import registry
from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed
from capture_agent.wire.fragment_buffer import FragmentBuffer
from capture_agent.wire.hello_message import MAX_HELLO_BYTES, HelloMessage

MAX_HELLOS = 4
"""Messages put together at a time; a client sends two, the second with the server's cookie."""
MAX_DATAGRAMS = 100
"""Datagrams looked at for one flow."""

RECORD_HEADER_BYTES = 13
_RECORD_VERSIONS = (b"\xfe\xff", b"\xfe\xfd")
_PLAINTEXT_EPOCH = b"\0\0"


class _Message:
    """One ClientHello on its way."""

    __slots__ = ("body", "datagrams", "is_given", "records", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.body = FragmentBuffer(size)
        self.records = 0
        self.datagrams: set[int] = set()
        self.is_given = False


def starts_dtls_hello(datagram: bytes) -> bool:
    """Whether a datagram starts with a plaintext DTLS record that carries a ClientHello; cheap."""
    return (
        len(datagram) > RECORD_HEADER_BYTES
        and datagram[0] == registry.RECORD_HANDSHAKE
        and datagram[1:3] in _RECORD_VERSIONS
        and datagram[3:5] == _PLAINTEXT_EPOCH
        and datagram[RECORD_HEADER_BYTES] == registry.HANDSHAKE_CLIENT_HELLO
    )


class DtlsHelloAssembler:
    """Sans-I/O reader of one client's datagrams: a hello, None for need-more, or `Malformed`.

    The message it gives has the 4-byte header of TLS in place of DTLS's twelve bytes, then the body with
    its cookie field: parse it with `is_dtls=True`. Fragments may come in any order, overlap and repeat.
    """

    __slots__ = ("_datagrams", "_hellos", "_messages", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        """No further hello can come from this flow: stop feeding it."""
        self._messages: dict[int, _Message] = {}
        self._datagrams = 0
        self._hellos = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held while waiting for more."""
        return sum(message.body.buffered_bytes for message in self._messages.values())

    @property
    def is_inside_hello(self) -> bool:
        """Part of the first hello came, but it is not whole."""
        return not self._hellos and bool(self._messages)

    def feed(self, datagram: bytes) -> HelloMessage | None:
        """Take one UDP payload; return a hello if one is now complete. Offsets of errors are in it."""
        if self.is_done:
            return None
        self._datagrams += 1
        try:
            hello = self._walk(datagram)
        except Malformed:
            self._stop()
            raise
        if self._datagrams >= MAX_DATAGRAMS:
            self._stop()
        return hello

    def _stop(self) -> None:
        self.is_done = True
        self._messages.clear()

    def _walk(self, datagram: bytes) -> HelloMessage | None:
        hello = None
        cursor = Cursor(datagram)
        while cursor.remaining > RECORD_HEADER_BYTES:
            start = cursor.pos
            if datagram[start + 1 : start + 3] not in _RECORD_VERSIONS:
                break
            record_type = cursor.uint(1, "record type")
            cursor.skip(2, "record version")
            epoch = cursor.take(2, "epoch")
            cursor.skip(6, "sequence number")
            record = cursor.block(2, "record")
            if record_type == registry.RECORD_HANDSHAKE and epoch == _PLAINTEXT_EPOCH:
                while record.remaining:
                    hello = self._take_fragment(record) or hello
        return hello

    def _take_fragment(self, record: Cursor) -> HelloMessage | None:
        start = record.pos
        message_type = record.uint(1, "handshake type")
        size = record.uint(3, "handshake length")
        sequence = record.uint(2, "message_seq")
        offset = record.uint(3, "fragment_offset")
        fragment = record.vector(3, "fragment")
        if message_type != registry.HANDSHAKE_CLIENT_HELLO:
            return None
        if size > MAX_HELLO_BYTES:
            raise Malformed("hello is longer than 65536 bytes", start + 1)
        if offset + len(fragment) > size:
            raise Malformed("fragment runs over the end of its message", start + 6)
        message = self._messages.get(sequence)
        if message is None:
            if len(self._messages) >= MAX_HELLOS:
                return None
            message = self._messages[sequence] = _Message(size)
        elif message.size != size:
            raise Malformed("fragments of one message differ in its length", start + 1)
        if message.is_given:
            return None
        if message.body.add(offset, fragment, start + 6):
            message.records += 1
            message.datagrams.add(self._datagrams)
        if message.body.contiguous < size:
            return None
        body = message.body.read(0, size)
        message.is_given = True
        message.body = FragmentBuffer(0)
        self._hellos += 1
        return HelloMessage(
            message=bytes((message_type,)) + size.to_bytes(3, "big") + body,
            is_second=self._hellos > 1,
            records=message.records,
            datagrams=len(message.datagrams),
        )
