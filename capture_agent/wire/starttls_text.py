"""The line protocols that switch to TLS by a command: SMTP, IMAP, POP3, FTP.

Sources: RFC 3207 (SMTP), RFC 9051 section 6.2.1 (IMAP), RFC 2595 section 4 (POP3), RFC 4217 (FTP).
"""

from __future__ import annotations

from dataclasses import dataclass

from capture_agent.wire.errors import NotTls

MAX_LINE_BYTES = 1024
"""Longer than any command before TLS; RFC 5321 allows 512, RFC 4978 recommends 1024 for ID."""

_UPGRADES = {
    b"STARTTLS": "smtp",
    b"STLS": "pop3",
    b"AUTH TLS": "ftp",
    b"AUTH SSL": "ftp",
    b"AUTH TLS-C": "ftp",
}
_PRELUDE = frozenset(
    (
        b"EHLO",
        b"HELO",
        b"LHLO",
        b"NOOP",
        b"RSET",
        b"HELP",
        b"CAPA",
        b"FEAT",
        b"HOST",
        b"SYST",
        b"OPTS",
        b"CLNT",
    )
)
"""Commands that clients send before they switch."""
_IMAP_PRELUDE = frozenset((b"CAPABILITY", b"NOOP", b"ID"))


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A command that asks for TLS; the bytes from `end` on are TLS if the server agreed."""

    protocol: str
    end: int


def read_commands(octets: bytes) -> Upgrade | None:
    """Read command lines up to the first that asks for TLS; None for need-more.

    A second upgrade command after a refused one is found by reading on from `end`.
    """
    at = 0
    while True:
        newline = octets.find(b"\n", at, at + MAX_LINE_BYTES)
        line = octets[at : newline if newline >= 0 else at + MAX_LINE_BYTES].rstrip(b"\r")
        if any(byte < 0x20 or byte > 0x7E for byte in line):
            raise NotTls("first byte starts no handshake record", at)
        if newline < 0:
            if len(octets) - at >= MAX_LINE_BYTES:
                raise NotTls("command line is longer than 1024 bytes", at)
            return None
        words = line.upper().split()
        at = newline + 1
        protocol = _UPGRADES.get(b" ".join(words))
        if protocol is not None:
            return Upgrade(protocol, at)
        if len(words) == 2 and words[1] == b"STARTTLS":
            return Upgrade("imap", at)
        is_prelude = bool(words) and (words[0] in _PRELUDE or (len(words) > 1 and words[1] in _IMAP_PRELUDE))
        if not is_prelude:
            raise NotTls("first byte starts no handshake record", at)
