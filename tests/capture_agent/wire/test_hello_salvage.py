from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.client_hello import parse_client_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_salvage import salvage_client_hello

CASE = Path(__file__).parents[2] / "vectors" / "client_hello" / "curl-h2.json"
MESSAGE = bytes.fromhex(json.loads(CASE.read_text())["stream"])[5:]


def test_an_odd_cipher_suite_length_does_not_hide_the_server_name() -> None:
    hello = parse_client_hello(MESSAGE)
    at = 38 + 1 + len(hello.session_id)
    size = 2 * len(hello.cipher_suites)
    suites, rest = MESSAGE[at + 2 : at + 2 + size], MESSAGE[at + 2 + size :]
    odd = MESSAGE[:at] + (size + 1).to_bytes(2, "big") + suites + b"\x13" + rest
    odd = b"\x01" + (len(odd) - 4).to_bytes(3, "big") + odd[4:]
    with pytest.raises(Malformed, match="odd length"):
        parse_client_hello(odd)
    salvaged = salvage_client_hello(odd)
    assert salvaged is not None
    assert salvaged.sni == hello.sni
    assert salvaged.cipher_suites == hello.cipher_suites


def test_a_sound_hello_is_salvaged_whole() -> None:
    assert salvage_client_hello(MESSAGE) == parse_client_hello(MESSAGE)


def test_extensions_that_were_not_reached_are_none() -> None:
    hello = parse_client_hello(MESSAGE)
    at = 38 + 1 + len(hello.session_id) + 2 + 2 * len(hello.cipher_suites)
    salvaged = salvage_client_hello(MESSAGE[:at])
    assert salvaged is not None
    assert salvaged.extensions is None
    assert salvage_client_hello(MESSAGE[:38]) is None


@settings(max_examples=200)
@given(st.integers(0, len(MESSAGE)), st.binary(max_size=40), st.booleans())
def test_it_never_raises(at: int, noise: bytes, is_dtls: bool) -> None:
    broken = MESSAGE[:at] + noise + MESSAGE[at + len(noise) :]
    salvage_client_hello(broken, is_dtls=is_dtls)
    salvage_client_hello(MESSAGE[:at] + noise, is_dtls=is_dtls)
