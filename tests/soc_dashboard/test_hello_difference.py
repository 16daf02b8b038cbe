"""Two hellos compared: what both have, what only one has, by hand."""

from __future__ import annotations

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
    assert named(compare(fingerprint(), other), "ALPN, in order") == {
        "1": Side.DIFFERENT,
        "2": Side.DIFFERENT,
    }


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
