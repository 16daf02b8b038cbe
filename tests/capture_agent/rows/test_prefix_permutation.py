"""The permutation of addresses against the published vectors of ipcrypt-pfx, and what it keeps."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.rows.prefix_permutation import KEY_BYTES, PrefixPermutation
from capture_agent.wire.address import MAPPED_PREFIX, address_text, mapped, parse_address

BASIC = "0123456789abcdeffedcba98765432101032547698badcfeefcdab8967452301"
NETWORKS = "2b7e151628aed2a6abf7158809cf4f3ca9f5ba40db214c3798f2e1c23456789a"
# draft-denis-ipcrypt, "ipcrypt-pfx Test Vectors".
PUBLISHED = [
    (BASIC, "0.0.0.0", "151.82.155.134"),
    (BASIC, "255.255.255.255", "94.185.169.89"),
    (BASIC, "192.0.2.1", "100.115.72.131"),
    (BASIC, "2001:db8::1", "c180:5dd4:2587:3524:30ab:fa65:6ab6:f88"),
    (NETWORKS, "10.0.0.47", "19.214.210.244"),
    (NETWORKS, "10.0.0.129", "19.214.210.80"),
    (NETWORKS, "10.0.0.234", "19.214.210.30"),
    (NETWORKS, "172.16.5.193", "210.78.229.136"),
    (NETWORKS, "172.16.97.42", "210.78.179.241"),
    (NETWORKS, "172.16.248.177", "210.78.121.215"),
    (NETWORKS, "2001:db8::a5c9:4e2f:bb91:5a7d", "7cec:702c:1243:f70:1956:125:b9bd:1aba"),
    (NETWORKS, "2001:db8::7234:d8f1:3c6e:9a52", "7cec:702c:1243:f70:a3ef:c8e:95c1:cd0d"),
    (NETWORKS, "2001:db8::f1e0:937b:26d4:8c1a", "7cec:702c:1243:f70:443c:c8e:6a62:b64d"),
    (NETWORKS, "2001:db8:3a5c::e7d1:4b9f:2c8a:f673", "7cec:702c:3503:bef:e616:96bd:be33:a9b9"),
    (NETWORKS, "2001:db8:9f27::b4e2:7a3d:5f91:c8e6", "7cec:702c:a504:b74e:194a:3d90:b047:2d1a"),
    (NETWORKS, "2001:db8:d8b4::193c:a5e7:8b2f:46d1", "7cec:702c:f840:aa67:1b8:e84f:ac9d:77fb"),
]
KEYS = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES).filter(lambda key: key[:16] != key[16:])
V4 = st.ip_addresses(v=4).map(lambda address: mapped(address.packed))
V6 = st.ip_addresses(v=6).filter(lambda address: not address.packed.startswith(MAPPED_PREFIX))
V6_IN_USE = V6.map(lambda address: bytes([address.packed[0] & 0x1F | 0x20]) + address.packed[1:])


def shared_bits(first: bytes, second: bytes) -> int:
    """Length of the longest prefix that two addresses have in common."""
    return 128 - (int.from_bytes(first, "big") ^ int.from_bytes(second, "big")).bit_length()


@pytest.mark.parametrize(("key", "address", "image"), PUBLISHED)
def test_published_vectors(key: str, address: str, image: str) -> None:
    permutation = PrefixPermutation(bytes.fromhex(key))
    assert address_text(permutation.image(parse_address(address))) == image
    assert permutation.origin(parse_address(image)) == parse_address(address)


@given(key=KEYS, first=V4 | V6_IN_USE, second=V4 | V6_IN_USE, kept=st.integers(0, 32))
def test_common_prefixes_stay_common_and_of_the_same_length(
    key: bytes, first: bytes, second: bytes, kept: int
) -> None:
    permutation = PrefixPermutation(key, kept_bits_v4=kept, kept_bits_v6=3 + kept)
    images = permutation.image(first), permutation.image(second)
    if first.startswith(MAPPED_PREFIX) == second.startswith(MAPPED_PREFIX):
        assert shared_bits(*images) == shared_bits(first, second)
    else:
        assert images[0].startswith(MAPPED_PREFIX) != images[1].startswith(MAPPED_PREFIX)


@given(key=KEYS, address=V4 | V6_IN_USE, kept_v4=st.integers(0, 32), kept_v6=st.integers(0, 128))
def test_kept_bits_stay_and_every_image_leads_back(
    key: bytes, address: bytes, kept_v4: int, kept_v6: int
) -> None:
    permutation = PrefixPermutation(key, kept_bits_v4=kept_v4, kept_bits_v6=kept_v6)
    image = permutation.image(address)
    is_v4 = address.startswith(MAPPED_PREFIX)
    assert shared_bits(image, address) >= (96 + kept_v4 if is_v4 else kept_v6)
    assert permutation.origin(image) == address


def test_two_hundred_and_fifty_six_addresses_have_as_many_images_in_one_network() -> None:
    permutation = PrefixPermutation(bytes.fromhex(NETWORKS), kept_bits_v4=8)
    images = {permutation.image(parse_address(f"198.51.100.{last}")) for last in range(256)}
    assert len(images) == 256
    assert len({image[:15] for image in images}) == 1
    assert {image[12] for image in images} == {198}


@pytest.mark.parametrize("bits", [(33, 0), (0, 129), (-1, 0)])
def test_bits_that_an_address_does_not_have_cannot_be_kept(bits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="does not have as many bits"):
        PrefixPermutation(bytes.fromhex(BASIC), kept_bits_v4=bits[0], kept_bits_v6=bits[1])


@pytest.mark.parametrize("key", [b"", bytes(16), b"ab" * 16], ids=["none", "short", "equal halves"])
def test_key_that_flips_nothing_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="two different halves"):
        PrefixPermutation(key)


@pytest.mark.parametrize("address", ["0.0.0.0", "255.255.255.255", "::", "ffff:" * 7 + "ffff"])
def test_all_bits_kept_changes_nothing(address: str) -> None:
    permutation = PrefixPermutation(bytes.fromhex(BASIC), kept_bits_v4=32, kept_bits_v6=128)
    image = ip_address(address_text(permutation.image(parse_address(address))))
    assert image == ip_address(address)
    assert isinstance(image, IPv4Address | IPv6Address)
