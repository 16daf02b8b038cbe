"""The headers of QUIC long-header packets and the frames of an Initial packet, before and after decryption.

Sources: RFC 9000 sections 17.2 and 19, RFC 9369 section 3.2 (packet types of version 2), RFC 9287 (the
fixed bit may be cleared).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed
from capture_agent.wire.quic_crypto import PROTECTIONS, SAMPLE_BYTES, VERSION_2

MAX_CONNECTION_ID_BYTES = 20

_FRAME_PADDING = 0x00
_FRAME_PING = 0x01
_FRAME_ACK = 0x02
_FRAME_ACK_ECN = 0x03
_FRAME_CRYPTO = 0x06
_FRAME_CONNECTION_CLOSE = 0x1C


class PacketType(Enum):
    """Types of long-header packets."""

    INITIAL = "initial"
    ZERO_RTT = "0-rtt"
    HANDSHAKE = "handshake"
    RETRY = "retry"


_TYPES_V1 = (PacketType.INITIAL, PacketType.ZERO_RTT, PacketType.HANDSHAKE, PacketType.RETRY)
_TYPES_V2 = (PacketType.RETRY, PacketType.INITIAL, PacketType.ZERO_RTT, PacketType.HANDSHAKE)


@dataclass(frozen=True, slots=True)
class LongHeader:
    """One packet's place in its datagram. `number_offset` is where the protected packet number starts."""

    packet_type: PacketType
    version: int
    connection_id: bytes
    """Destination connection id: in a client's first packets the input of the keys."""
    start: int
    number_offset: int
    end: int


@dataclass(frozen=True, slots=True)
class CryptoFrame:
    """A piece of the handshake stream."""

    offset: int
    octets: bytes
    position: int
    """Where the frame stands in the packet's plaintext."""


def starts_initial(datagram: bytes) -> bool:
    """Whether a datagram starts with an Initial packet of a version that can be opened; cheap."""
    if len(datagram) < 7 or not datagram[0] & 0x80:
        return False
    version = int.from_bytes(datagram[1:5], "big")
    return version in PROTECTIONS and packet_type(datagram[0], version) is PacketType.INITIAL


def packet_type(first_byte: int, version: int) -> PacketType:
    """Type of a long-header packet from its first byte, whose type bits are never protected."""
    return (_TYPES_V2 if version == VERSION_2 else _TYPES_V1)[first_byte >> 4 & 3]


def maybe_long_header(datagram: bytes, start: int) -> LongHeader | None:
    """The packet at `start`; None for a short header, an unknown version or padding. Raises `Malformed`."""
    if len(datagram) - start < 7 or not datagram[start] & 0x80:
        return None
    cursor = Cursor(datagram, start + 1)
    version = cursor.uint(4, "version")
    if version not in PROTECTIONS:
        return None
    kind = packet_type(datagram[start], version)
    connection_id = _connection_id(cursor)
    _connection_id(cursor)
    if kind is PacketType.RETRY:
        return LongHeader(kind, version, connection_id, start, cursor.pos, len(datagram))
    if kind is PacketType.INITIAL:
        cursor.skip(cursor.varint("token length"), "token")
    size = cursor.varint("packet length")
    number_offset = cursor.pos
    cursor.skip(size, "packet")
    if size < 4 + SAMPLE_BYTES:
        raise Malformed("packet is too short to be protected", number_offset)
    return LongHeader(kind, version, connection_id, start, number_offset, cursor.pos)


def _connection_id(cursor: Cursor) -> bytes:
    position = cursor.pos
    connection_id = cursor.vector(1, "connection id")
    if len(connection_id) > MAX_CONNECTION_ID_BYTES:
        raise Malformed("connection id is longer than 20 bytes", position)
    return connection_id


def crypto_frames(plaintext: bytes) -> Iterator[CryptoFrame]:
    """CRYPTO frames of an Initial packet in the order they stand; raises `Malformed`.

    Other frames that RFC 9000 section 17.2.2 allows there are passed over.
    """
    cursor = Cursor(plaintext)
    while cursor.remaining:
        position = cursor.pos
        kind = cursor.varint("frame type")
        if kind == _FRAME_PADDING:
            cursor.pos = _end_of_padding(plaintext, cursor.pos)
        elif kind == _FRAME_CRYPTO:
            offset = cursor.varint("CRYPTO offset")
            yield CryptoFrame(offset, cursor.take(cursor.varint("CRYPTO length"), "CRYPTO frame"), position)
        elif kind in (_FRAME_ACK, _FRAME_ACK_ECN):
            _pass_ack(cursor, has_ecn=kind == _FRAME_ACK_ECN)
        elif kind == _FRAME_CONNECTION_CLOSE:
            cursor.varint("error code")
            cursor.varint("frame type of the error")
            cursor.skip(cursor.varint("reason length"), "reason phrase")
        elif kind != _FRAME_PING:
            raise Malformed("frame type is not allowed in an Initial packet", position)


def _end_of_padding(plaintext: bytes, pos: int) -> int:
    """Position behind a run of zero bytes, which may be a thousand long."""
    return len(plaintext) - len(plaintext[pos:].lstrip(b"\0"))


def _pass_ack(cursor: Cursor, *, has_ecn: bool) -> None:
    cursor.varint("largest acknowledged")
    cursor.varint("ACK delay")
    ranges = cursor.varint("ACK range count")
    cursor.varint("first ACK range")
    # Each range takes at least two bytes, so a false count ends in Malformed at the packet's end.
    for _ in range(ranges):
        cursor.varint("ACK gap")
        cursor.varint("ACK range")
    if has_ecn:
        for _ in range(3):
            cursor.varint("ECN count")
