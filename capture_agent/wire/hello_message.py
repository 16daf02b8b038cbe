"""What every assembler (TLS records, QUIC, DTLS) hands over: one whole ClientHello message."""

from __future__ import annotations

from dataclasses import dataclass

MAX_HELLO_BYTES = 65_536
"""Longest handshake body that is put together; longer ones are refused as soon as their length is read.

The grammar allows 131 kB; Chromium sends 1.9 kB and the largest post-quantum hellos stay under 20 kB.
"""


@dataclass(frozen=True, slots=True)
class HelloMessage:
    """A ClientHello handshake message, 4-byte header included, freed from its framing.

    With `is_sslv2_framed` the bytes are an SSL 2.0 CLIENT-HELLO instead (RFC 5246 appendix E.2),
    starting at its message type.
    """

    message: bytes
    is_sslv2_framed: bool = False
    is_second: bool = False
    """A further ClientHello of the same stream, as after a HelloRetryRequest."""
    records: int = 1
    """TLS or DTLS records, or QUIC Initial packets, that carried it."""
    datagrams: int = 0
    """UDP datagrams that carried it; 0 on a byte stream, where the reassembler counts segments."""
    end_offset: int = 0
    """Position in the stream behind the hello's last byte; 0 for datagrams."""
