"""How rows name clients: as they were seen, or by pseudonyms (`rows.pseudonyms`)."""

from __future__ import annotations

from typing import Protocol

DEFAULT_KEPT_BITS_V4 = 16
"""A /16 is 65,536 addresses, and rarely more than one country."""
DEFAULT_KEPT_BITS_V6 = 32
"""A /32 is what a registry gives to one provider."""


class ClientNames(Protocol):
    """What stands in rows in place of what tells who a client is. Servers keep their addresses."""

    def address(self, text: str) -> str:
        """The stored form of a client's address, which is given as canonical text."""

    def conn_id(self, conn_id: int) -> int:
        """The stored form of a connection's id, 64 bits."""

    def forwarded(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """The stored form of the entries of X-Forwarded-For, as many as were given."""

    def described(self) -> str:
        """How client addresses are stored, for people."""


class AsSeen:
    """Nothing is replaced."""

    def address(self, text: str) -> str:
        """The address itself."""
        return text

    def conn_id(self, conn_id: int) -> int:
        """The id itself."""
        return conn_id

    def forwarded(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """The entries themselves."""
        return entries

    def described(self) -> str:
        """That."""
        return "as they are seen"


AS_SEEN = AsSeen()
