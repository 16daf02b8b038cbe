"""Distances of two entities, worked by hand from the weights 0.25, 0.15, 0.10, 0.30 and 0.20."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ja4_assets.campaigns.distance import distances
from ja4_assets.campaigns.profile import Profile, network_of

Make = Callable[..., Profile]
OTHER_JA4 = ("::ffff:10.0.0.2", "t13d0609h1_eeeeeeeeeeee_ffffffffffff", "shop.test")
SAME_CIPHERS = ("::ffff:10.0.0.2", "t13d0613h2_aaaaaaaaaaaa_ffffffffffff", "shop.test")
NO_HELLO = ("::ffff:10.0.0.2", "", "shop.test")


def apart(one: Profile, other: Profile) -> float:
    return float(distances([one], [other])[0, 0])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.0),
        ({"ua_family": "Firefox", "requests": 900}, 0.0),
        ({"key": OTHER_JA4}, 0.25),
        ({"key": SAME_CIPHERS}, 0.125),
        ({"key": NO_HELLO}, 0.25),
        ({"header_order": "order-b"}, 0.15),
        ({"paths": {"/.env": 1.0}}, 0.30),
        ({"paths": {"/login": 0.4, "/": 0.6}}, 0.30 * (1 - (0.36**0.5 + 0.06**0.5))),
        # Six numbers differ by 0.1 each: twice 0.1 of the weight of the pace.
        ({"pace": (0.5, 0.2, 0.3, 0.9, 0.1, 0.1)}, 0.20 * 0.2),
        # What was not observed is left out, and the rest weighs 0.85.
        ({"header_order": None, "paths": {"/.env": 1.0}}, 0.30 / 0.85),
        ({"pace": (None,) * 6, "paths": {"/.env": 1.0}}, 0.30 / 0.80),
        ({"paths": {}, "header_order": "order-b"}, 0.15 / 0.70),
    ],
)
def test_each_part_counts_by_its_weight(make_bot: Make, changes: dict[str, object], expected: float) -> None:
    assert apart(make_bot(1), make_bot(2, **changes)) == pytest.approx(expected, abs=1e-6)


def test_a_network_is_the_same_24_or_64_then_the_same_provider(make_bot: Make) -> None:
    far = make_bot(2, key=("::ffff:192.0.2.1", *make_bot(2).key[1:]))
    assert apart(make_bot(1), far) == pytest.approx(0.10 * 0.25, abs=1e-6)
    foreign = make_bot(2, key=("::ffff:192.0.2.1", *make_bot(2).key[1:]), asn=64999)
    assert apart(make_bot(1), foreign) == pytest.approx(0.10, abs=1e-6)
    unknown = [make_bot(2, key=(f"::ffff:192.0.{net}.1", *make_bot(2).key[1:]), asn=0) for net in (2, 3)]
    assert apart(*unknown) == pytest.approx(0.10, abs=1e-6), "two unknown providers are not one"
    assert network_of("::ffff:192.0.2.77") == "192.0.2.0/24"
    assert network_of("2001:db8:1:2:3::4") == "2001:db8:1:2::/64"


def test_the_matrix_is_symmetric_and_its_diagonal_zero(make_bot: Make, make_scanner: Make) -> None:
    both = [make_bot(1), make_bot(2, header_order=None), make_scanner(3), make_scanner(4, paths={})]
    matrix = distances(both)
    assert np.allclose(matrix, matrix.T)
    assert np.allclose(np.diag(matrix), 0.0, atol=1e-6)
    assert matrix.max() <= 1.0
