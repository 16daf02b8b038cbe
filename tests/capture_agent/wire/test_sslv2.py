from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.sslv2 import parse_sslv2_hello

# RFC 5246 appendix E.2: lengths 6, 0, 16; SSL_CK_RC4_128_WITH_MD5 and TLS_RSA_WITH_AES_128_CBC_SHA.
HELLO = b"\x01\x03\x01\x00\x06\x00\x00\x00\x10" + b"\x01\x00\x80\x00\x00\x2f" + bytes(range(16))


def test_fields_of_the_hello() -> None:
    hello = parse_sslv2_hello(HELLO)
    assert hello.version == 0x0301
    assert hello.cipher_specs == (0x010080, 0x2F)
    assert hello.session_id == b""
    assert hello.challenge == bytes(range(16))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x04" + HELLO[1:], "handshake type is not client_hello"),
        (HELLO[:4] + b"\x05" + HELLO[5:], "no multiple of 3"),
        (HELLO[:-1], "challenge runs over the end"),
        (HELLO + b"x", "bytes left over"),
        (HELLO[:6], "session_id_length runs over the end"),
    ],
)
def test_breaks_have_a_reason(message: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        parse_sslv2_hello(message)


@given(st.binary(max_size=60))
def test_noise_gives_a_hello_or_malformed(noise: bytes) -> None:
    try:
        parse_sslv2_hello(b"\x01\x03\x01" + noise)
    except Malformed:
        return
