"""Opens QUIC Initial packets: keys that anyone on the path can derive (RFC 9001 section 5.2, RFC 9369).

AES comes from the package `cryptography`, which is imported on the first packet only: without it the
agent still reads TLS over TCP, and `is_available` says so.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.util import find_spec

SAMPLE_BYTES = 16
TAG_BYTES = 16


class QuicCryptoMissingError(RuntimeError):
    """QUIC cannot be read because the package `cryptography` is not installed."""

    def __init__(self) -> None:
        super().__init__("reading QUIC needs the package 'cryptography': install ja4-platform[agent]")


@dataclass(frozen=True, slots=True)
class InitialProtection:
    """What differs between QUIC versions in the protection of Initial packets."""

    salt: bytes
    label_prefix: str


_V1 = InitialProtection(bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), "quic")
_DRAFT_29 = InitialProtection(bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"), "quic")
_V2 = InitialProtection(bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), "quicv2")

VERSION_1 = 0x00000001
VERSION_2 = 0x6B3343CF
PROTECTIONS = {
    VERSION_1: _V1,
    VERSION_2: _V2,
    # Drafts 29 to 32 share a salt, 33 and 34 have that of version 1.
    **dict.fromkeys(range(0xFF00001D, 0xFF000021), _DRAFT_29),
    **dict.fromkeys(range(0xFF000021, 0xFF000023), _V1),
}
"""QUIC version -> protection, for every version whose Initial packets can be opened."""


@cache
def is_available() -> bool:
    """Whether Initial packets can be opened: the package `cryptography` is installed."""
    return find_spec("cryptography") is not None


class InitialKeys:
    """Keys of the client's Initial packets for one version and one connection id. Raises
    `QuicCryptoMissingError` when made without the package `cryptography`."""

    __slots__ = ("_iv", "_key", "_mask_key")

    def __init__(self, version: int, connection_id: bytes) -> None:
        if not is_available():
            raise QuicCryptoMissingError
        protection = PROTECTIONS[version]
        prefix = protection.label_prefix
        initial = hmac.digest(protection.salt, connection_id, sha256)
        client = hkdf_expand_label(initial, "client in", 32)
        self._key = hkdf_expand_label(client, f"{prefix} key", 16)
        self._iv = int.from_bytes(hkdf_expand_label(client, f"{prefix} iv", 12), "big")
        self._mask_key = hkdf_expand_label(client, f"{prefix} hp", 16)

    # The cipher objects of OpenSSL take kilobytes, a key takes sixteen bytes: they are made for each
    # packet, of which a hello has two or three, and not held for each of many thousand flows.

    def header_mask(self, sample: bytes) -> bytes:
        """Sixteen mask bytes from the sixteen sampled ones (RFC 9001 section 5.4.3)."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        # One block of ECB is what the RFC prescribes here; no data is encrypted with it.
        cipher = Cipher(algorithms.AES(self._mask_key), modes.ECB())  # noqa: S305
        return cipher.encryptor().update(sample)

    def maybe_open(self, packet_number: int, header: bytes, sealed: bytes) -> bytes | None:
        """Plaintext of a packet's payload; None if it was not sealed with these keys."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = (self._iv ^ packet_number).to_bytes(12, "big")
        try:
            return AESGCM(self._key).decrypt(nonce, sealed, header)
        except InvalidTag:
            return None


def hkdf_expand_label(secret: bytes, label: str, size: int) -> bytes:
    """HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context, for at most 32 bytes."""
    full = b"tls13 " + label.encode("ascii")
    block = size.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0"
    return hmac.digest(secret, block + b"\1", sha256)[:size]
