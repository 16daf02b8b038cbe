"""Bits of evidence, worked by hand: what few have says much, what all have says little."""

from __future__ import annotations

from collections.abc import Callable
from math import log2

import pytest

from ja4_assets.campaigns.evidence import ADDRESSES_BITS, OTHER_VALUE, odds_against, weigh
from ja4_assets.campaigns.profile import Profile
from ja4_assets.campaigns.signature import Signature, signature_of

Make = Callable[..., Profile]


def with_tool(make_bot: Make, number: int, ja4: str, header_order: str | None = None) -> Signature:
    key = (f"::ffff:192.0.{number}.1", ja4, "shop.test")
    return signature_of([make_bot(number, key=key, header_order=header_order)])


def test_a_tool_that_one_has_says_more_than_one_that_all_have(make_bot: Make) -> None:
    group = with_tool(make_bot, 0, "rare")
    rare = weigh([group], [with_tool(make_bot, 1, "rare"), with_tool(make_bot, 2, "b")])
    common = weigh([group], [with_tool(make_bot, number, "rare") for number in range(1, 21)])
    # Prior: 1 of 20 campaigns elsewhere has a given JA4.
    assert rare.tool[0, 0] == pytest.approx(log2(22 / 1))
    assert common.tool[0, 0] == pytest.approx(log2(40 / 20))
    assert rare.tool[0, 1] == pytest.approx(OTHER_VALUE)


def test_one_library_brings_ja4_and_header_order_and_counts_once(make_bot: Make) -> None:
    group, campaign = (with_tool(make_bot, number, "a", "order") for number in (0, 1))
    assert weigh([group], [campaign]).tool[0, 0] == pytest.approx(log2(21 / 1))


def test_common_addresses_speak_for_it_from_three_in_ten_and_others_never_against(make_bot: Make) -> None:
    ten = signature_of([make_bot(number) for number in range(10)])
    for common, bits in ((0, 0.0), (2, 0.0), (5, ADDRESSES_BITS / 2), (10, ADDRESSES_BITS)):
        other = signature_of([make_bot(number) for number in range(10 - common, 20 - common)])
        assert weigh([ten], [other]).addresses[0, 0] == pytest.approx(bits)


def test_paths_and_pace_speak_against_strangers_and_for_the_same(make_bot: Make, make_scanner: Make) -> None:
    bots, scanners = signature_of([make_bot(1)]), signature_of([make_scanner(1)])
    found = weigh([bots], [bots, scanners])
    assert min(found.paths[0, 0], found.pace[0, 0]) > 2.0
    assert max(found.paths[0, 1], found.pace[0, 1]) < -2.0
    assert found.is_same_purpose.tolist() == [[True, False]]


def test_what_was_not_observed_says_nothing(make_bot: Make) -> None:
    blank = signature_of([make_bot(1, paths={}, pace=(None,) * 6, header_order=None, asn=0)])
    found = weigh([blank], [signature_of([make_bot(9)])])
    assert [float(kind[0, 0]) for kind in (found.network, found.paths, found.pace)] == [0.0, 0.0, 0.0]


def test_one_kind_of_evidence_is_not_several_however_strong(make_bot: Make) -> None:
    group = signature_of([make_bot(1, paths={}, pace=(None,) * 6, header_order=None, asn=0)])
    assert not weigh([group], [signature_of([make_bot(9)])]).is_several[0, 0]
    assert odds_against(1) == 1.0
