"""Byte strings from the wire as text that cannot be mistaken for other bytes."""

from __future__ import annotations

_ESCAPED = tuple(
    chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x5C else f"\\x{byte:02x}" for byte in range(256)
)


def printable(octets: bytes) -> str:
    """Printable ASCII stays; every other byte, and the backslash, becomes `\\xNN`: reversible."""
    if octets.isascii():
        text = octets.decode("ascii")
        if "\\" not in text and text.isprintable():
            return text
    return "".join([_ESCAPED[byte] for byte in octets])
