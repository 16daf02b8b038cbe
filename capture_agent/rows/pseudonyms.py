"""Pseudonyms of clients: the same for the same client on every sensor that has the same key.

    pseudonyms = Pseudonyms(secret, kept_bits_v4=16, kept_bits_v6=32)
    pseudonyms.address("192.0.2.17")      # "192.0.136.68", say

Every address of a client is replaced, private and loopback ones too: an exception would be met by the
pseudonym of another address. So is the id of a connection, since it is a hash of addresses, ports and a time:
without a key anyone could try all addresses of IPv4 until the hash fits.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

from capture_agent.rows.client_names import DEFAULT_KEPT_BITS_V4, DEFAULT_KEPT_BITS_V6
from capture_agent.rows.prefix_permutation import ADDRESS_BITS, KEY_BYTES, MAPPED_BITS, PrefixPermutation
from capture_agent.wire.address import ADDRESS_BYTES, address_text, parse_address

MIN_SECRET_BYTES = 32
MAX_REMEMBERED_ADDRESSES = 65_536
"""About 250 bytes each."""
MAX_REMEMBERED_CONNECTIONS = 16_384
CONN_ID_BYTES = 8
KEY_NAME_BYTES = 4
NO_ADDRESS = "unknown"
"""In place of an entry of X-Forwarded-For that is no address and may hold anything; RFC 7239 section 6.2."""


class Pseudonyms:
    """The names of clients under one secret; see `client_names.ClientNames`."""

    def __init__(
        self,
        secret: bytes,
        *,
        kept_bits_v4: int = DEFAULT_KEPT_BITS_V4,
        kept_bits_v6: int = DEFAULT_KEPT_BITS_V6,
    ) -> None:
        """`secret`: at least MIN_SECRET_BYTES random bytes, else ValueError."""
        if len(secret) < MIN_SECRET_BYTES:
            raise ValueError(f"a secret of {len(secret)} bytes is too short")
        self.kept_bits_v4 = kept_bits_v4
        self.kept_bits_v6 = kept_bits_v6
        self.key_name = _derived(secret, b"key name", KEY_NAME_BYTES).hex()
        """Tells keys apart and nothing about them: equal on two sensors that give the same pseudonyms."""
        self.state_key = _derived(secret, b"state", KEY_BYTES)
        """For what the agent itself must remember of real addresses."""
        self._permutation = PrefixPermutation(
            _derived(secret, b"addresses", KEY_BYTES), kept_bits_v4=kept_bits_v4, kept_bits_v6=kept_bits_v6
        )
        self._conn_id_key = _derived(secret, b"connections", KEY_BYTES)
        self.address = lru_cache(MAX_REMEMBERED_ADDRESSES)(self._address)
        """Pseudonym of an address in any spelling; ValueError if it is none."""
        self.conn_id = lru_cache(MAX_REMEMBERED_CONNECTIONS)(self._conn_id)
        """Pseudonym of a connection."""

    def forwarded(self, entries: tuple[str, ...]) -> tuple[str, ...]:
        """Pseudonyms of the addresses, without ports; NO_ADDRESS for what is none, nothing for nothing."""
        return tuple([self._forwarded(entry) if entry else entry for entry in entries])

    def network(self, text: str, prefix_bits: int) -> str:
        """Pseudonym of a network, given as one of its addresses and the length of its prefix."""
        return self._network_of(self._permutation.image(parse_address(text)), prefix_bits)

    def origin(self, pseudonym: str, prefix_bits: int | None = None) -> str:
        """The address, or the network, behind a pseudonym; ValueError if that is no address."""
        packed = self._permutation.origin(parse_address(pseudonym))
        return address_text(packed) if prefix_bits is None else self._network_of(packed, prefix_bits)

    def described(self) -> str:
        """As `ClientNames`."""
        return (
            f"as pseudonyms under key {self.key_name}; "
            f"the first {self.kept_bits_v4} bits of IPv4 and {self.kept_bits_v6} of IPv6 addresses stay"
        )

    def _address(self, text: str) -> str:
        return address_text(self._permutation.image(parse_address(text)))

    def _conn_id(self, conn_id: int) -> int:
        octets = conn_id.to_bytes(CONN_ID_BYTES, "big")
        return int.from_bytes(
            blake2b(octets, digest_size=CONN_ID_BYTES, key=self._conn_id_key).digest(), "big"
        )

    def _forwarded(self, entry: str) -> str:
        try:
            return self.address(without_port(entry))
        except ValueError:
            return NO_ADDRESS

    @staticmethod
    def _network_of(packed: bytes, prefix_bits: int) -> str:
        is_v4 = "." in (text := address_text(packed))
        bits = prefix_bits + (MAPPED_BITS if is_v4 else 0)
        if not 0 <= prefix_bits <= bits <= ADDRESS_BITS:
            raise ValueError(f"{text} has fewer bits than {prefix_bits}")
        host_bits = ADDRESS_BITS - bits
        number = int.from_bytes(packed, "big") >> host_bits << host_bits
        return f"{address_text(number.to_bytes(ADDRESS_BYTES, 'big'))}/{prefix_bits}"


def without_port(entry: str) -> str:
    """The address of `192.0.2.1:80`, `[2001:db8::1]:80` or of an address alone."""
    if entry.startswith("["):
        return entry.partition("]")[0] + "]"
    return entry.partition(":")[0] if entry.count(":") == 1 else entry


def _derived(secret: bytes, use: bytes, size: int) -> bytes:
    """A key for one use, from a secret of any length."""
    return blake2b(blake2b(secret).digest(), digest_size=size, person=use).digest()
