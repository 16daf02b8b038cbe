"""Two hellos compared: what both have, what only one has, by hand."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from soc_dashboard.components.comparison_card import section
from soc_dashboard.hello_difference import Section, Side, compare
from soc_dashboard.store.rows import Fingerprint


def fingerprint(**values: Any) -> Fingerprint:
    seen = datetime(2026, 11, 22, tzinfo=UTC)
    plain: dict[str, Any] = {
        "ja4_stable": "t13d0302h2_aaaaaaaaaaaa_bbbbbbbbbbbb",
        "first_seen": seen,
        "last_seen": seen,
        "requests": 1,
        "hellos": 1,
        "variants": [],
        "ja4_r": "t13d0302h2_1301,1302,c02b_000a,002b_0403",
        "ja4_o": None,
        "ja3_hash": "0" * 32,
        "ja3_hashes": 1,
        "tls_version": 0x0304,
        "alpn": ["h2", "http/1.1"],
        "has_grease": True,
        "has_ech": None,
        "has_pq_group": True,
        "hello_len": 1900,
        "segments": 2,
        "tcp_signature": None,
        "known_client": None,
        "hello_skeleton": None,
    }
    return Fingerprint(**{**plain, **values})


def named(sections: list[Section], name: str) -> dict[str, Side]:
    (found,) = [each for each in sections if each.name == name]
    return {line: difference.side for line, difference in found.lines}


def test_a_hello_is_the_same_as_itself() -> None:
    assert sum(each.differing for each in compare(fingerprint(), fingerprint())) == 0


def test_lists_say_who_has_what() -> None:
    other = fingerprint(ja4_r="t13d0302h2_1301,1303,c02b_000a,002b_0403")
    assert named(compare(fingerprint(), other), "Cipher suites") == {
        "1301": Side.BOTH,
        "1302": Side.FIRST,
        "1303": Side.SECOND,
        "c02b": Side.BOTH,
    }


def test_alpn_is_compared_in_order() -> None:
    other = fingerprint(alpn=["http/1.1", "h2"])
    assert named(compare(fingerprint(), other), "ALPN") == {
        "1": Side.DIFFERENT,
        "2": Side.DIFFERENT,
    }


def hello_of(*groups: int) -> str:
    """A ClientHello (RFC 8446 section 4.1.2) with one cipher suite and these groups."""
    listed = b"".join(group.to_bytes(2, "big") for group in groups)
    extension = b"\x00\x0a" + (len(listed) + 2).to_bytes(2, "big") + len(listed).to_bytes(2, "big") + listed
    hello = b"\x03\x03" + bytes(33) + b"\x00\x02\x13\x01" + b"\x01\x00"
    hello += len(extension).to_bytes(2, "big") + extension
    return base64.b64encode(b"\x01" + len(hello).to_bytes(3, "big") + hello).decode()


def test_groups_are_compared_in_wire_order_and_by_name() -> None:
    """B adds the post-quantum group in front, and has x25519 behind secp256r1."""
    first = fingerprint(hello_skeleton=hello_of(0x0A0A, 0x001D, 0x0017, 0x0018))
    second = fingerprint(hello_skeleton=hello_of(0xFAFA, 0x11EC, 0x0017, 0x001D, 0x0018))
    (found,) = [each for each in compare(first, second) if each.name == "Supported groups"]
    sides = {name: line.side for name, line in found.lines}
    assert sides["0a0a"] is Side.BOTH, "GREASE is drawn anew each time: its value says nothing"
    assert sides["11ec"] is Side.SECOND
    assert sides["0018"] is Side.BOTH
    assert {sides["001d"], sides["0017"]} == {Side.MOVED, Side.BOTH}
    assert found.differing == 2
    shown = section(found, is_differing_only=True)
    assert "X25519MLKEM768" in shown
    assert "both have it, in another order" in shown
    assert "secp256r1, place 3" in shown, "GREASE, x25519 and secp256r1 are what both have"
    assert "secp256r1, place 2" in shown


def test_a_message_of_one_side_alone_is_not_held_against_the_other() -> None:
    first = fingerprint(hello_skeleton=hello_of(0x001D))
    names = [each.name for each in compare(first, fingerprint())]
    assert "Supported groups" not in names
    assert "Cipher suites" in names


def test_lists_that_nobody_recorded_are_left_out() -> None:
    names = [each.name for each in compare(fingerprint(ja4_r=None), fingerprint(ja4_r="garbage"))]
    assert "Cipher suites" not in names


def test_the_difference_is_told_by_a_sign_and_in_words() -> None:
    other = fingerprint(ja4_r="t13d0202h2_1301,1302_000a,002b_0403")
    (found,) = [each for each in compare(fingerprint(), other) if each.name == "Cipher suites"]
    shown = section(found, is_differing_only=True)
    assert ">A</span>" in shown
    assert "only A has it" in shown
    assert "1301" not in shown


def test_values_are_escaped() -> None:
    hostile = fingerprint(alpn=["<script>alert(1)</script>"])
    shown = "".join(section(each, False) for each in compare(hostile, fingerprint()))
    assert "<script" not in shown
