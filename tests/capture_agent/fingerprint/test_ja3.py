from __future__ import annotations

from hashlib import md5

from capture_agent.fingerprint.ja3 import ja3_of
from capture_agent.wire.client_hello import ClientHello


def hello(
    suites: tuple[int, ...], extensions: tuple[tuple[int, bytes], ...] | None, version: int = 0x0303
) -> ClientHello:
    return ClientHello(version, bytes(32), b"", None, suites, b"\0", extensions)


def test_the_published_example() -> None:
    # README of github.com/salesforce/ja3, first example
    suites = (47, 53, 5, 10, 49161, 49162, 49171, 49172, 50, 56, 19, 4)
    extensions = ((0, b""), (10, b"\x00\x06\x00\x17\x00\x18\x00\x19"), (11, b"\x01\x00"))
    ja3 = ja3_of(hello(suites, extensions, 0x0301))
    assert ja3.ja3 == "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    assert ja3.ja3_hash == "ada70206e40642a3e4461f35503241d5"


def test_without_extensions_the_commas_stay() -> None:
    # README of github.com/salesforce/ja3, second example
    ja3 = ja3_of(hello((4, 5, 10, 9, 100, 98, 3, 6, 19, 18, 99), None, 0x0301))
    assert ja3.ja3 == "769,4-5-10-9-100-98-3-6-19-18-99,,,"
    assert ja3.ja3_hash == "de350869b8c85de67a350c8d186f11e6"


def test_grease_goes_from_suites_extensions_and_groups() -> None:
    extensions = ((0x0A0A, b""), (10, b"\x00\x04\x1a\x1a\x00\x1d"), (0xFAFA, b"\0"))
    assert ja3_of(hello((0x2A2A, 4865), extensions)).ja3 == "771,4865,10,29,"


def test_lists_of_nothing_but_grease_are_empty_and_the_value_is_given() -> None:
    ja3 = ja3_of(hello((4865,), ((0x0A0A, b""), (10, b"\x00\x02\x1a\x1a"))))
    assert ja3.ja3 == "771,4865,10,,"
    assert ja3_of(hello((0x0A0A,), ((0x0A0A, b""),))).ja3 == "771,,,,"


def test_the_version_is_the_handshakes_also_for_tls_1_3() -> None:
    assert ja3_of(hello((4865,), ((43, b"\x02\x03\x04"),))).ja3.startswith("771,")


def test_ja3n_survives_permutation() -> None:
    one = ja3_of(hello((4865,), ((0, b""), (10, b"\x00\x02\x00\x1d"), (23, b""))))
    other = ja3_of(hello((4865,), ((23, b""), (0, b""), (10, b"\x00\x02\x00\x1d"))))
    assert one.ja3_hash != other.ja3_hash
    assert one.ja3n_hash == other.ja3n_hash
    assert one.ja3n_hash == md5(b"771,4865,0-10-23,29,", usedforsecurity=False).hexdigest()
