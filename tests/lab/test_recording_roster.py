"""The roster is repeatable, has every tier, and nothing in it but behaviour tells people from bots."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import asdict

from lab.recording.bot_roster import add_bots
from lab.recording.people_roster import add_benign_programs, add_people
from lab.recording.roster import HOSTS, Roster, renumbered

BOT_TIERS = {
    "honest_bot", "spoofed_agent", "scanner", "tls_impersonator", "automated_browser", "low_and_slow",
    "credential_stuffing", "distributed",
}  # fmt: skip
HUMAN_SLICES = {"first_visit", "returning", "mobile", "shared_address", "rss_reader", "uptime_monitor"}


def roster(seed: int = 1) -> Roster:
    made = Roster(random.Random(seed))
    add_people(made, 1)
    add_benign_programs(made, 1)
    add_bots(made, 1)
    return made


def test_a_seed_gives_one_roster() -> None:
    first, again, other = (json.dumps([asdict(one) for one in roster(seed).identities]) for seed in (1, 1, 2))
    assert first == again != other


def test_every_tier_is_there_in_numbers() -> None:
    tiers = Counter((one.is_bot, one.tier) for one in roster().identities)
    assert {tier for is_bot, tier in tiers if is_bot} == BOT_TIERS
    assert {tier for is_bot, tier in tiers if not is_bot} == HUMAN_SLICES
    assert sum(tiers.values()) >= 150
    assert min(number for (is_bot, _), number in tiers.items() if is_bot) >= 10


def test_names_are_unique_and_only_shared_addresses_have_several_clients() -> None:
    identities = roster().identities
    assert len({one.name for one in identities}) == len(identities)
    assert {one.tier for one in identities if len(one.clients) > 1} == {"shared_address"}


def test_people_and_bots_go_to_the_same_sites() -> None:
    hosts: dict[bool, set[str]] = {True: set(), False: set()}
    for one in roster().identities:
        hosts[one.is_bot] |= {client.job["host"] for client in one.clients if "host" in client.job}
    assert hosts[True] == hosts[False] == set(HOSTS)


def test_some_bots_wait_by_the_law_of_people() -> None:
    laws = {
        (client.job["pause_s"], client.job["spread"])
        for one in roster().identities
        for client in one.clients
        if one.is_bot and one.tier in ("spoofed_agent", "tls_impersonator", "automated_browser")
    }
    # Mean and spread of a log-normal law with the people's median of 21 s.
    assert (36.0, 1.05) in laws
    assert len(laws) >= 4


def test_a_second_session_gives_no_name_again() -> None:
    first = roster(1).identities
    second = renumbered(roster(2).identities, [one.family for one in first])
    assert not {one.name for one in first} & {one.name for one in second}
    assert len({one.name for one in second}) == len(second)
