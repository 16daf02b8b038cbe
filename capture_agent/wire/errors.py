"""The one error family of every wire parser."""

from __future__ import annotations


class Malformed(ValueError):  # noqa: N818 - one of the three outcomes of a reader, named as the event calls it
    """The bytes break the grammar of their protocol.

    `reason` is a fixed phrase without values from the wire, so that it can be grouped on; `offset` is
    the position in what the parser was given (message, record stream or datagram) where it gave up.
    """

    __slots__ = ("offset", "reason")

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} (offset {offset})")
        self.reason = reason
        self.offset = offset


class NotTls(Malformed):
    """The stream begins with nothing that could carry a ClientHello: another protocol, no broken hello."""

    __slots__ = ()
