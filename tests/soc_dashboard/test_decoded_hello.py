"""JA4_r decoded by name; expectations from the JA4 specification and the IANA registries."""

from __future__ import annotations

import pytest

from soc_dashboard.decoded_hello import maybe_decoded, maybe_prefix
from soc_dashboard.registry import code_point_name, version_name

SPECIFICATION_EXAMPLE = (
    "t13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
    "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_0403,0804,0401,0503,0805,0501,0806,0601"
)
"""JA4_r of the example in FoxIO's JA4 technical details."""


def test_lists_of_the_specification_example_are_named() -> None:
    decoded = maybe_decoded(SPECIFICATION_EXAMPLE)
    assert decoded is not None
    assert [len(decoded.ciphers), len(decoded.extensions), len(decoded.signatures)] == [15, 14, 8]
    assert decoded.ciphers[4].name == "TLS_AES_128_GCM_SHA256"
    assert decoded.extensions[-1].name == "renegotiation_info"
    assert decoded.signatures[0].name == "ecdsa_secp256r1_sha256"


def test_prefix_is_read_field_by_field() -> None:
    prefix = maybe_prefix(SPECIFICATION_EXAMPLE)
    assert prefix is not None
    assert (prefix.transport, prefix.version, prefix.sni_present) == ("TCP", "TLS 1.3", True)
    assert (prefix.cipher_count, prefix.extension_count, prefix.alpn) == (15, 16, "h2")


def test_hello_without_signature_algorithms_has_none() -> None:
    decoded = maybe_decoded("t10i010000_002f_")
    assert decoded is not None
    assert decoded.signatures == decoded.extensions == ()


@pytest.mark.parametrize(
    "text", [None, "", "t13d1516h2", "a_b_c", "t13d1516h2_zzzz_0005", "t13d1516h2_1_2_3_4"]
)
def test_other_text_is_not_decoded(text: str | None) -> None:
    assert maybe_decoded(text) is None


@pytest.mark.parametrize(
    ("kind", "code", "name"),
    [
        ("cipher", 0x1301, "TLS_AES_128_GCM_SHA256"),
        ("cipher", 0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        ("extension", 0x0000, "server_name"),
        ("extension", 0xFE0D, "encrypted_client_hello"),
        ("group", 0x11EC, "X25519MLKEM768"),
        ("group", 0x001D, "x25519"),
        ("extension", 0x0A0A, "GREASE"),
        ("cipher", 0xEEEE, None),
    ],
)
def test_registered_names(kind: str, code: int, name: str | None) -> None:
    assert code_point_name(kind, code) == name


def test_version_names() -> None:
    assert [version_name(code) for code in (0x0304, 0x0303, 0xFEFD, 0x1234, None)] == [
        "TLS 1.3",
        "TLS 1.2",
        "DTLS 1.2",
        "version 0x1234",
        "version unknown",
    ]
