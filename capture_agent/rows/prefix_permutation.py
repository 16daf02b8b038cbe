"""A keyed permutation of IP addresses under which networks stay networks.

Two addresses whose first n bits are equal have images whose first n bits are equal, for every n (Xu, Fan,
Ammar, Moon: "Prefix-Preserving IP Address Anonymization", ICNP 2002). The construction is ipcrypt-pfx of
draft-denis-ipcrypt, section "Prefix-Preserving Encryption": each bit is flipped or not by the sum of two
permutations, AES under two keys, of the bits before it. Here, leading bits can be left as they are.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from capture_agent.wire.address import ADDRESS_BYTES, MAPPED_PREFIX

KEY_BYTES = 32
ADDRESS_BITS = 8 * ADDRESS_BYTES
MAPPED_BITS = 8 * len(MAPPED_PREFIX)
V4_BITS = ADDRESS_BITS - MAPPED_BITS
_LAST_BITS = b"01" * 128
"""Digit of the last bit of every octet."""


class PrefixPermutation:
    """Addresses of sixteen bytes, IPv4 mapped, to such addresses of the same family.

    One to one within each family. For IPv6 with no bits kept, one block of 2^32 addresses out of 2^128 has
    images that read as IPv4; with the first three bits kept, as for all addresses in use, none has.
    """

    def __init__(self, key: bytes, *, kept_bits_v4: int = 0, kept_bits_v6: int = 0) -> None:
        """ValueError for a key that is not KEY_BYTES long or has equal halves, which would flip nothing."""
        first, second = key[: KEY_BYTES // 2], key[KEY_BYTES // 2 :]
        if len(key) != KEY_BYTES or first == second:
            raise ValueError(f"the key must have {KEY_BYTES} bytes, and two different halves")
        if not (0 <= kept_bits_v4 <= V4_BITS and 0 <= kept_bits_v6 <= ADDRESS_BITS):
            raise ValueError("an address does not have as many bits as are to be kept")
        self._kept_v4 = MAPPED_BITS + kept_bits_v4
        self._kept_v6 = kept_bits_v6
        self._first = Cipher(algorithms.AES(first), modes.ECB()).encryptor()  # noqa: S305 - single blocks
        self._second = Cipher(algorithms.AES(second), modes.ECB()).encryptor()  # noqa: S305

    def image(self, address: bytes) -> bytes:
        """What an address becomes."""
        number = int.from_bytes(address, "big")
        kept = self._kept_bits(address)
        prefixes = range(kept, ADDRESS_BITS)
        return (number ^ self._flips(number, prefixes)).to_bytes(ADDRESS_BYTES, "big")

    def origin(self, image: bytes) -> bytes:
        """The address that became `image`; each bit needs those before it, so this takes much longer."""
        number = int.from_bytes(image, "big")
        for length in range(self._kept_bits(image), ADDRESS_BITS):
            number ^= self._flips(number, range(length, length + 1)) << (ADDRESS_BITS - 1 - length)
        return number.to_bytes(ADDRESS_BYTES, "big")

    def _kept_bits(self, address: bytes) -> int:
        return self._kept_v4 if address.startswith(MAPPED_PREFIX) else self._kept_v6

    def _flips(self, number: int, lengths: range) -> int:
        """For each length of a prefix, whether the bit behind it is flipped; the first in the highest bit."""
        if not lengths:
            return 0
        # A prefix is padded with a one and zeros in front, so that no two of them have the same block.
        blocks = b"".join(
            [
                (1 << length | number >> (ADDRESS_BITS - length)).to_bytes(ADDRESS_BYTES, "big")
                for length in lengths
            ]
        )
        step = ADDRESS_BYTES
        first = self._first.update(blocks)[step - 1 :: step].translate(_LAST_BITS)
        second = self._second.update(blocks)[step - 1 :: step].translate(_LAST_BITS)
        return int(first, 2) ^ int(second, 2)
