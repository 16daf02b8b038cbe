"""Finds the ClientHello in a QUIC client's datagrams (RFC 9000, RFC 9001, RFC 9369)."""

from __future__ import annotations

from capture_agent.wire import registry
from capture_agent.wire.errors import Malformed
from capture_agent.wire.fragment_buffer import FragmentBuffer
from capture_agent.wire.hello_message import MAX_HELLO_BYTES, HelloMessage
from capture_agent.wire.quic_crypto import InitialKeys
from capture_agent.wire.quic_packet import (
    LongHeader,
    PacketType,
    crypto_frames,
    maybe_long_header,
)

MAX_HANDSHAKES = 4
"""Sets of keys tried on one flow: the first connection id, that of a Retry, a port soon used again."""
MAX_DATAGRAMS = 100
"""Datagrams looked at for one flow."""
MAX_UNOPENED_PACKETS = 32
"""Initial packets that no key opens before a flow is given up: trying costs keys, and garbage is cheap."""
MAX_PACKETS_PER_DATAGRAM = 32
"""Packets walked through in one capture record, which with UDP GSO can hold 64 kB of datagrams."""

_HANDSHAKE_HEADER_BYTES = 4
_MESSAGE_BYTES = _HANDSHAKE_HEADER_BYTES + MAX_HELLO_BYTES


class _Handshake:
    """One set of Initial keys and the CRYPTO stream they protect."""

    __slots__ = ("connection_ids", "datagrams", "keys", "largest_number", "packets", "stream", "stream_start")

    def __init__(self, keys: InitialKeys, connection_id: bytes) -> None:
        self.keys = keys
        self.connection_ids = {connection_id}
        self.stream = FragmentBuffer(_MESSAGE_BYTES)
        self.stream_start = 0
        """Offset in the CRYPTO stream at which `stream` begins: behind the hellos already given."""
        self.largest_number = -1
        self.packets = 0
        self.datagrams: set[int] = set()


class InitialAssembler:
    """Sans-I/O reader of one client's datagrams: a hello, None for need-more, or `Malformed`.

    Takes Initial packets in any order, over several datagrams, coalesced with others, CRYPTO frames
    shuffled, and several datagrams in one capture record (UDP GSO). Packets that no key opens are
    passed over, because anyone can send them. After a Retry the client's keys follow its new connection
    id. One hello per flow is given, and a second one after a HelloRetryRequest.
    Raises `QuicCryptoMissingError` if the package `cryptography` is missing.
    """

    __slots__ = ("_datagrams", "_handshakes", "_hellos", "_unopened", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        """No further hello can come from this flow: stop feeding it."""
        self._handshakes: list[_Handshake] = []
        self._datagrams = 0
        self._hellos = 0
        self._unopened = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes held while waiting for more."""
        return sum(handshake.stream.buffered_bytes for handshake in self._handshakes)

    @property
    def is_inside_hello(self) -> bool:
        """A packet was opened and its hello is not whole yet."""
        return not self._hellos and any(handshake.packets for handshake in self._handshakes)

    def feed(self, datagram: bytes) -> HelloMessage | None:
        """Take one UDP payload; return the hello if it is now complete. Offsets of errors are in the
        datagram for headers, in the packet's plaintext for frames."""
        if self.is_done:
            return None
        self._datagrams += 1
        try:
            hello = self._walk(datagram)
        except Malformed:
            self._stop()
            raise
        if self._datagrams >= MAX_DATAGRAMS or self._unopened >= MAX_UNOPENED_PACKETS:
            self._stop()
        return hello

    def _stop(self) -> None:
        self.is_done = True
        self._handshakes.clear()

    def _walk(self, datagram: bytes) -> HelloMessage | None:
        hello = None
        pos = 0
        for _ in range(MAX_PACKETS_PER_DATAGRAM):
            try:
                header = maybe_long_header(datagram, pos)
            except Malformed:
                if pos:
                    # What follows a good packet and is none itself is to be ignored (RFC 9000 section 12.2).
                    return hello
                raise
            if header is None:
                break
            if header.packet_type is PacketType.INITIAL:
                hello = self._take_initial(datagram, header) or hello
            pos = self._next_packet(datagram, header)
        return hello

    def _next_packet(self, datagram: bytes, header: LongHeader) -> int:
        """Where to read on: behind the packet, or at the next datagram of the same capture record.

        A short-header packet and padding have no length, so the next datagram is known by the header
        that it repeats.
        """
        end = header.end
        if end < len(datagram) and not datagram[end] & 0x80:
            size = len(header.connection_id)
            repeated = datagram.find(datagram[header.start + 1 : header.start + 6 + size], end + 1)
            if repeated > 0 and datagram[repeated - 1] & 0x80:
                return repeated - 1
        return end

    def _take_initial(self, datagram: bytes, header: LongHeader) -> HelloMessage | None:
        # The keys of the connection id itself come first, then those at hand: after the server's answer
        # a client writes to the id that the server chose, under the keys it began with.
        known = sorted(self._handshakes, key=lambda one: header.connection_id not in one.connection_ids)
        for handshake in known:
            plaintext = _maybe_open(datagram, header, handshake)
            if plaintext is not None:
                handshake.connection_ids = {header.connection_id, *handshake.connection_ids}
                return self._take_frames(plaintext, handshake)
        if len(known) < MAX_HANDSHAKES:
            keys = InitialKeys(header.version, header.connection_id)
            handshake = _Handshake(keys, header.connection_id)
            plaintext = _maybe_open(datagram, header, handshake)
            if plaintext is not None:
                self._handshakes.append(handshake)
                return self._take_frames(plaintext, handshake)
        self._unopened += 1
        return None

    def _take_frames(self, plaintext: bytes, handshake: _Handshake) -> HelloMessage | None:
        has_new_bytes = False
        for frame in crypto_frames(plaintext):
            known = max(handshake.stream_start - frame.offset, 0)
            place = max(frame.offset - handshake.stream_start, 0)
            has_new_bytes |= handshake.stream.add(place, frame.octets[known:], frame.position)
        if not has_new_bytes:
            return None
        handshake.packets += 1
        handshake.datagrams.add(self._datagrams)
        return self._maybe_hello(handshake)

    def _maybe_hello(self, handshake: _Handshake) -> HelloMessage | None:
        stream = handshake.stream
        if stream.contiguous < _HANDSHAKE_HEADER_BYTES:
            return None
        header = stream.read(0, _HANDSHAKE_HEADER_BYTES)
        if header[0] != registry.HANDSHAKE_CLIENT_HELLO:
            raise Malformed("handshake type is not client_hello", 0)
        body_size = int.from_bytes(header[1:], "big")
        if body_size > MAX_HELLO_BYTES:
            raise Malformed("hello is longer than 65536 bytes", 1)
        stop = _HANDSHAKE_HEADER_BYTES + body_size
        if stream.contiguous < stop:
            return None
        # A hello repeated under the keys of a Retry is the first one again.
        is_repeated = bool(self._hellos) and not handshake.stream_start
        handshake.stream = FragmentBuffer(_MESSAGE_BYTES)
        handshake.stream.add(0, stream.read(stop, stream.contiguous), 0)
        handshake.stream_start += stop
        packets, datagrams = handshake.packets, len(handshake.datagrams)
        handshake.packets = 0
        handshake.datagrams = set()
        if is_repeated:
            return None
        self._hellos += 1
        return HelloMessage(
            message=stream.read(0, stop),
            is_second=self._hellos > 1,
            records=packets,
            datagrams=datagrams,
        )


def _maybe_open(datagram: bytes, header: LongHeader, handshake: _Handshake) -> bytes | None:
    """Remove header protection (RFC 9001 section 5.4) and decrypt; None if the keys do not fit."""
    at = header.number_offset
    mask = handshake.keys.header_mask(datagram[at + 4 : at + 20])
    first = datagram[header.start] ^ mask[0] & 0x0F
    size = (first & 3) + 1
    truncated = int.from_bytes(datagram[at : at + size], "big") ^ int.from_bytes(mask[1 : 1 + size], "big")
    number = full_packet_number(truncated, size, handshake.largest_number)
    plain_header = bytes((first,)) + datagram[header.start + 1 : at] + truncated.to_bytes(size, "big")
    plaintext = handshake.keys.maybe_open(number, plain_header, datagram[at + size : header.end])
    if plaintext is not None:
        handshake.largest_number = max(handshake.largest_number, number)
    return plaintext


def full_packet_number(truncated: int, size: int, largest: int) -> int:
    """The packet number nearest to the expected one that ends in the `size` bytes sent (RFC 9000, A.3)."""
    window = 1 << 8 * size
    expected = largest + 1
    candidate = expected & ~(window - 1) | truncated
    if candidate <= expected - window // 2 and candidate < (1 << 62) - window:
        return candidate + window
    if candidate > expected + window // 2 and candidate >= window:
        return candidate - window
    return candidate
