from __future__ import annotations

from hashlib import sha256
from hmac import digest

import pytest

from capture_agent.wire import quic_crypto
from capture_agent.wire.quic_crypto import (
    PROTECTIONS,
    VERSION_1,
    VERSION_2,
    InitialKeys,
    QuicCryptoMissingError,
    hkdf_expand_label,
)

CONNECTION_ID = bytes.fromhex("8394c8f03e515708")


@pytest.mark.parametrize(
    ("version", "key", "iv", "hp"),
    [
        # RFC 9001 appendix A.1
        (
            VERSION_1,
            "1f369613dd76d5467730efcbe3b1a22d",
            "fa044b2f42a3fd3b46fb255c",
            "9f50449e04a0e810283a1e9933adedd2",
        ),
        # RFC 9369 appendix A.1
        (
            VERSION_2,
            "8b1a0bc121284290a29e0971b5cd045d",
            "91f73e2351d8fa91660e909f",
            "45b95e15235d6f45a6b19cbcb0294ba9",
        ),
    ],
)
def test_client_keys_are_those_of_the_rfc(version: int, key: str, iv: str, hp: str) -> None:
    protection = PROTECTIONS[version]
    client = hkdf_expand_label(digest(protection.salt, CONNECTION_ID, sha256), "client in", 32)
    prefix = protection.label_prefix
    assert hkdf_expand_label(client, f"{prefix} key", 16).hex() == key
    assert hkdf_expand_label(client, f"{prefix} iv", 12).hex() == iv
    assert hkdf_expand_label(client, f"{prefix} hp", 16).hex() == hp


def test_header_mask_is_that_of_the_rfc() -> None:
    # RFC 9001 appendix A.2
    mask = InitialKeys(VERSION_1, CONNECTION_ID).header_mask(
        bytes.fromhex("d1b1c98dd7689fb8ec11d242b123dc9b")
    )
    assert mask[:5].hex() == "437b9aec36"


def test_versions_are_1_and_2_and_drafts_29_to_34() -> None:
    drafts = {0xFF000000 + draft for draft in range(29, 35)}
    assert set(PROTECTIONS) == {VERSION_1, VERSION_2} | drafts


def test_without_the_package_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_crypto, "is_available", lambda: False)
    with pytest.raises(QuicCryptoMissingError, match="cryptography"):
        InitialKeys(VERSION_1, CONNECTION_ID)
