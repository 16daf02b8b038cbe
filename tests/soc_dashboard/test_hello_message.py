"""Stored hellos read again: the lists must give the JA3 that tshark computed for the same recording."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from capture_agent.fingerprint.skeleton import skeleton
from capture_agent.wire.client_hello import parse_client_hello
from soc_dashboard.hello_message import ANY_GREASE, kept_lists, maybe_message, wire_lists

VECTORS = {
    path.stem: case
    for path in sorted((Path(__file__).parents[1] / "vectors" / "client_hello").glob("*.json"))
    if "stream" in (case := json.loads(path.read_text()))
}
POINT_FORMATS = ("0", "0-1-2", "")
"""Last part of JA3, which the page does not show: what clients send today."""


def stored(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def recorded(name: str) -> str:
    octets = bytes.fromhex(VECTORS[name]["stream"])[5:]
    return stored(skeleton(parse_client_hello(octets), octets))


@pytest.mark.parametrize("name", sorted(set(VECTORS) - {"nmap-sV"}))
def test_lists_of_a_recording_give_the_ja3_of_tshark(name: str) -> None:
    message = maybe_message(recorded(name))
    assert message is not None
    lists = [
        "-".join(str(code) for code in codes if code != ANY_GREASE)
        for codes in (message.ciphers, message.extensions, message.groups)
    ]
    written = {",".join(("771", *lists, formats)) for formats in POINT_FORMATS}
    hashes = {hashlib.md5(ja3.encode(), usedforsecurity=False).hexdigest() for ja3 in written}
    assert VECTORS[name]["expect"]["ja3_hash"] in hashes


def test_groups_of_a_browser_are_named_and_grease_is_one_of_them() -> None:
    message = maybe_message(recorded("chromium-headless-new"))
    assert message is not None
    lists = {each.name: [point.name for point in each.codes] for each in wire_lists(message)}
    assert lists["Supported groups"] == ["GREASE", "X25519MLKEM768", "x25519", "secp256r1", "secp384r1"]
    assert lists["Key shares"] == ["GREASE", "X25519MLKEM768", "x25519"]
    assert lists["Versions"] == ["GREASE", "TLS 1.3", "TLS 1.2"]
    assert lists["Extensions"].count("GREASE") == 2


@pytest.mark.parametrize("length", [0, 1, 3, 20, 38, 45, 80, 300, 511])
def test_a_message_cut_anywhere_is_no_message(length: int) -> None:
    octets = base64.b64decode(recorded("py-requests"))
    assert maybe_message(stored(octets[:length])) is None


@pytest.mark.parametrize("text", ["", "!!!!", "AQAA", "é" * 8, "A" * 200_000, stored(b"\x02" + bytes(80))])
def test_text_that_is_no_hello_is_no_message(text: str) -> None:
    assert maybe_message(text) is None


def test_an_extension_that_is_sent_twice_is_listed_twice() -> None:
    """RFC 8446 section 4.2 forbids it, which makes it worth showing."""
    extensions = bytes.fromhex("000a00040002001d000a000400020017")
    hello = b"\x03\x03" + bytes(33) + b"\x00\x02\x13\x01" + b"\x01\x00"
    hello += len(extensions).to_bytes(2, "big") + extensions
    message = maybe_message(stored(b"\x01" + len(hello).to_bytes(3, "big") + hello))
    assert message is not None
    assert message.extensions == (0x0A, 0x0A)
    assert message.groups == (0x1D,)


def test_a_hello_without_extensions_has_its_ciphers() -> None:
    hello = b"\x03\x01" + bytes(33) + b"\x00\x04\x00\x2f\x00\x35" + b"\x01\x00"
    message = maybe_message(stored(b"\x01" + len(hello).to_bytes(3, "big") + hello))
    assert message is not None
    assert (message.ciphers, message.extensions) == ((0x2F, 0x35), ())


def test_without_a_message_lists_come_from_ja4_r_and_without_both_there_are_none() -> None:
    is_wire_order, lists = kept_lists(None, "t13d0302h2_1301,1302,c02b_000a,002b_0403")
    assert not is_wire_order
    assert [len(each.codes) for each in lists] == [3, 2, 1]
    assert kept_lists("AQAA", None) == (False, ())
