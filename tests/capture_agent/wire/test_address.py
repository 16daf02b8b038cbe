"""Addresses: sixteen bytes inside, one canonical text outside."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.wire.address import address_text, mapped, parse_address


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:C000:0201", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        # RFC 5952 section 4.2: the longest run of zeros is shortened, the first of equal ones.
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    ],
)
def test_all_spellings_of_an_address_are_one(spelling: str, canonical: str) -> None:
    assert address_text(parse_address(spelling)) == canonical


@pytest.mark.parametrize("text", ["", "example.org", "1.2.3", "1.2.3.256", "::g", "1:2:3"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_address(text)


@given(st.binary(min_size=16, max_size=16))
def test_text_and_bytes_are_inverse(packed: bytes) -> None:
    assert parse_address(address_text(packed)) == packed


@given(st.binary(min_size=4, max_size=4))
def test_four_bytes_are_mapped(packed: bytes) -> None:
    assert IPv6Address(mapped(packed)).ipv4_mapped is not None
    assert address_text(packed) == address_text(mapped(packed))


@pytest.mark.parametrize("size", [0, 3, 5, 15, 17])
def test_other_lengths_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"not {size}"):
        mapped(bytes(size))
