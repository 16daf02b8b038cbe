"""Campaigns of hours made by hand: who belongs together, and which id goes on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ja4_assets.campaigns.hour import ATTACHED_PROBABILITY, Campaign, Outcome, find_campaigns
from ja4_assets.campaigns.identity import ENDED_AFTER, Known
from ja4_assets.campaigns.profile import Profile

Make = Callable[..., Profile]
HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
NEXT = HOUR + timedelta(hours=1)
OTHER_TOOL = "t13d1516h2_111111111111_222222222222"


def known_after(outcome: Outcome, hour: datetime) -> list[Known]:
    """What the tables would tell the next hour."""
    return [
        Known(one.campaign_id, hour, one.first_seen, one.last_seen, one.signature)
        for one in outcome.campaigns
        if one.status in ("born", "alive")
    ]


def by_address(outcome: Outcome) -> dict[str, str]:
    return {member.key[0]: one.campaign_id for one in outcome.campaigns for member in one.members}


def only(campaigns: Sequence[Campaign]) -> Campaign:
    (one,) = campaigns
    return one


@pytest.fixture
def bots(make_bot: Make) -> list[Profile]:
    return [make_bot(number) for number in range(1, 7)]


@pytest.fixture
def scanners(make_scanner: Make) -> list[Profile]:
    return [make_scanner(number) for number in range(1, 5)]


def test_two_operators_are_two_campaigns_and_a_stranger_is_alone(
    bots: list[Profile], scanners: list[Profile], make_scanner: Make
) -> None:
    stranger = make_scanner(99, paths={"/feed": 1.0}, header_order="order-q", asn=1, pace=(0.9,) * 6)
    outcome = find_campaigns([*bots, *scanners, stranger], [], [], HOUR)
    assert sorted(len(one.profiles) for one in outcome.campaigns) == [4, 6]
    assert {one.status for one in outcome.campaigns} == {"born"}
    assert outcome.alone == 1


def test_two_addresses_or_one_address_on_three_hosts_are_no_campaign(make_bot: Make) -> None:
    assert find_campaigns([make_bot(1), make_bot(2)], [], [], HOUR).campaigns == ()
    hosts = [make_bot(1, key=(*make_bot(1).key[:2], f"{letter}.test")) for letter in "abc"]
    assert find_campaigns(hosts, [], [], HOUR).campaigns == ()


def test_the_order_of_the_entities_makes_no_difference(bots: list[Profile], scanners: list[Profile]) -> None:
    entities = [*bots, *scanners]
    first = find_campaigns(entities, [], [], HOUR)
    random.Random(4).shuffle(entities)
    assert find_campaigns(entities, [], [], HOUR) == first


def test_the_id_stays_when_every_address_and_the_tool_change(bots: list[Profile], make_bot: Make) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    later = [
        make_bot(
            number,
            key=(f"::ffff:192.0.2.{number}", OTHER_TOOL, "shop.test"),
            asn=64999,
            header_order="order-b",
        )
        for number in range(10, 15)
    ]
    second = find_campaigns(later, known_after(first, HOUR), [], NEXT)
    assert only(second.campaigns).campaign_id == only(first.campaigns).campaign_id
    assert only(second.campaigns).status == "alive"
    assert only(second.campaigns).first_seen == only(first.campaigns).first_seen


def changed_midway(make_bot: Make) -> list[Profile]:
    """The operator with other addresses, provider, tool and header order, at a pace that differs by 0.065."""
    return [
        make_bot(
            number,
            key=(f"::ffff:192.0.2.{number}", OTHER_TOOL, "shop.test"),
            asn=64999,
            header_order="order-b",
            pace=(0.465, 0.165, 0.265, 0.735, 0.065, 0.065),
        )
        for number in range(10, 15)
    ]


def test_the_id_stays_when_everything_changes_in_the_middle_of_an_hour(
    bots: list[Profile], make_bot: Make
) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    then = HOUR + timedelta(hours=2)
    changed = [replace(one, first_ts=then, last_ts=then) for one in changed_midway(make_bot)]
    midway = find_campaigns([*bots[:3], *changed], known_after(first, HOUR), [], then)
    after = find_campaigns(changed, known_after(midway, then), [], then + timedelta(hours=1))
    for outcome, members in ((midway, 3 + len(changed)), (after, len(changed))):
        assert only(outcome.campaigns).campaign_id == only(first.campaigns).campaign_id
        assert only(outcome.campaigns).status == "alive"
        assert len(only(outcome.campaigns).members) == members


def test_a_newborn_with_another_purpose_keeps_its_own_id_when_an_older_campaign_pauses(
    bots: list[Profile], scanners: list[Profile]
) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    then = HOUR + timedelta(hours=2)
    others = [replace(one, first_ts=then, last_ts=then) for one in scanners]
    both = find_campaigns([*bots, *others], known_after(first, HOUR), [], then)
    after = find_campaigns(others, known_after(both, then), [], then + timedelta(hours=1))
    assert only(after.campaigns).campaign_id == by_address(both)[scanners[0].key[0]]
    assert only(after.campaigns).status == "alive"


def test_the_id_stays_when_the_same_addresses_do_something_else(bots: list[Profile]) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    turned = [replace(one, paths={"/cart": 0.7, "/voucher": 0.3}, pace=(0.8,) * 6) for one in bots]
    second = find_campaigns(turned, known_after(first, HOUR), [], NEXT)
    assert only(second.campaigns).campaign_id == only(first.campaigns).campaign_id


def test_another_operator_with_the_same_tool_gets_another_id(bots: list[Profile], make_bot: Make) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    others = [
        make_bot(
            number,
            key=(f"::ffff:192.0.2.{number}", *make_bot(1).key[1:]),
            paths={"/product/0": 0.8, "/search": 0.2},
            pace=(0.9, 0.5, 0.6, 0.1, 0.5, 0.6),
        )
        for number in range(10, 15)
    ]
    second = find_campaigns([*bots, *others], known_after(first, HOUR), [], NEXT)
    assert len(set(by_address(second).values())) == 2
    assert by_address(second)[bots[0].key[0]] == only(first.campaigns).campaign_id


def test_an_operator_who_takes_up_the_tool_and_network_of_another_campaign_does_not_join_it(
    bots: list[Profile], make_bot: Make
) -> None:
    """Tool, headers and network are the same, the paths mostly: only the pace tells them apart."""
    others = [
        make_bot(
            number,
            key=(f"::ffff:192.0.2.{number}", "t13d1516h2_111111111111_222222222222", "shop.test"),
            header_order="order-b",
            asn=64_599,
            paths={"/login": 0.8, "/": 0.2},
            pace=(0.9, 0.5, 0.6, 0.1, 0.5, 0.6),
        )
        for number in range(10, 15)
    ]
    first = find_campaigns([*bots, *others], [], [], HOUR)
    assert len(first.campaigns) == 2
    changed = [
        replace(
            one, key=(f"::ffff:198.51.100.{number}", *bots[0].key[1:]), header_order="order-a", asn=64_500
        )
        for number, one in enumerate(others)
    ]
    second = find_campaigns([*bots, *changed], known_after(first, HOUR), [], NEXT)
    of = by_address(second)
    assert of[bots[0].key[0]] == by_address(first)[bots[0].key[0]]
    assert of[changed[0].key[0]] != of[bots[0].key[0]]


def test_too_few_for_a_group_go_on_in_their_campaign_and_are_marked_as_weaker(bots: list[Profile]) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    second = find_campaigns(bots[:1], known_after(first, HOUR), [], NEXT)
    campaign = only(second.campaigns)
    assert (campaign.campaign_id, campaign.status) == (only(first.campaigns).campaign_id, "alive")
    assert campaign.probabilities == (ATTACHED_PROBABILITY,)


def test_a_campaign_that_splits_leaves_its_id_with_one_part(bots: list[Profile], make_bot: Make) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    gone_over = [
        replace(
            one,
            paths={"/feed": 0.5, "/tag/0": 0.5},
            pace=(0.95, 0.9, 0.9, 0.0, 0.9, 0.9),
            header_order="order-z",
        )
        for one in [*bots[3:], make_bot(40), make_bot(41), make_bot(42), make_bot(43), make_bot(44)]
    ]
    second = find_campaigns([*bots[:3], *gone_over], known_after(first, HOUR), [], NEXT)
    ids = by_address(second)
    assert ids[bots[0].key[0]] == only(first.campaigns).campaign_id
    assert ids[bots[5].key[0]] != ids[bots[0].key[0]]


def test_a_campaign_whose_addresses_went_over_to_another_merged_into_it(
    bots: list[Profile], scanners: list[Profile]
) -> None:
    first = find_campaigns([*bots, *scanners], [], [], HOUR)
    ids = by_address(first)
    joined = [replace(bots[0], key=(one.key[0], *bots[0].key[1:])) for one in scanners]
    second = find_campaigns([*bots, *joined], known_after(first, HOUR), [], NEXT)
    merged = next(one for one in second.campaigns if one.status == "merged")
    assert merged.campaign_id == ids[scanners[0].key[0]]
    assert merged.merged_into == ids[bots[0].key[0]]
    assert merged.members == []
    third = find_campaigns(scanners, known_after(second, NEXT), [], NEXT + timedelta(hours=1))
    assert merged.campaign_id not in by_address(third).values()


def test_a_campaign_that_nobody_saw_for_three_days_ended(bots: list[Profile]) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    just_before = find_campaigns([], known_after(first, HOUR), [], HOUR + ENDED_AFTER - timedelta(hours=1))
    assert just_before.campaigns == ()
    over = find_campaigns(bots, known_after(first, HOUR), [], HOUR + ENDED_AFTER)
    states = {one.status: one.campaign_id for one in over.campaigns}
    assert states["ended"] == only(first.campaigns).campaign_id
    assert states["born"] != states["ended"]


def test_a_repeated_hour_with_late_entities_recognises_what_it_saw_born(
    bots: list[Profile], make_bot: Make
) -> None:
    first = find_campaigns(bots, [], [], HOUR)
    # A smaller key than any before would make another id, were the campaign born anew.
    late = [make_bot(0), *bots]
    again = find_campaigns(late, [], known_after(first, HOUR), HOUR)
    assert only(again.campaigns).campaign_id == only(first.campaigns).campaign_id
    assert only(again.campaigns).status == "born"
    assert find_campaigns(bots, [], known_after(first, HOUR), HOUR) == first


def test_the_summary_says_who_from_where_after_what_and_how(bots: list[Profile]) -> None:
    assert only(find_campaigns(bots, [], [], HOUR).campaigns).summary == (
        "6 addresses in 1 network of 1 provider, mostly hosting networks, ask mostly for /login on shop.test "
        "about every 2 s each with 1 fingerprint under the name of Chrome."
    )


def test_what_a_client_chose_is_quoted_short_and_printable(bots: list[Profile]) -> None:
    hostile = [replace(one, paths={"/\n<b>" + "a" * 300: 1.0}) for one in bots]
    summary = only(find_campaigns(hostile, [], [], HOUR).campaigns).summary
    assert "\n" not in summary
    assert len(summary) < 400
