"""Who is called verified, who an impostor, and who neither."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ja4_assets.intel.catalogue import SOURCES_BY_NAME
from ja4_assets.intel.fetch import DEFAULT, fetch
from ja4_assets.verified_bots.catalogue import BOTS
from ja4_assets.verified_bots.identity import (
    MAX_RANGE_AGE_DAYS,
    Claim,
    Identity,
    Method,
    State,
    identify,
    plain_address,
)
from ja4_assets.verified_bots.record import (
    Checked,
    due_claims,
    identities_of_signatures,
    identity_rows,
)
from ja4_assets.verified_bots.resolver import CachedResolver, IpAddress, ResolverUnavailable
from ja4_assets.verified_bots.web_bot_auth import Finding

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
GOOGLEBOT = Claim("::ffff:66.249.66.1", "Googlebot", range_name="Googlebot", asn=15169, range_age_days=10)
OUTSIDE = replace(GOOGLEBOT, client_ip="8.8.4.4", range_name="")


class Zone:
    """A resolver of two dictionaries that counts what it is asked."""

    def __init__(self, names: dict[str, str] | None, addresses: dict[str, str] | None = None) -> None:
        self.names, self.addresses, self.asked = names, addresses or {}, 0

    def names_of(self, address: IpAddress) -> tuple[str, ...]:
        self.asked += 1
        if self.names is None:
            raise ResolverUnavailable("timeout")
        return (self.names[str(address)],) if str(address) in self.names else ()

    def addresses_of(self, name: str) -> tuple[str, ...]:
        self.asked += 1
        return (self.addresses[name],) if name in self.addresses else ()


CRAWL = "crawl-8-8-4-4.googlebot.com"
CONFIRMED = Zone({"8.8.4.4": CRAWL}, {CRAWL: "8.8.4.4"})


@pytest.mark.parametrize(
    ("claim", "zone", "method", "state"),
    [
        (GOOGLEBOT, None, Method.RANGE, State.VERIFIED),
        (OUTSIDE, None, Method.RANGE, State.IMPOSTOR),
        (OUTSIDE, CONFIRMED, Method.RDNS, State.VERIFIED),
        (OUTSIDE, Zone({}), Method.RDNS, State.IMPOSTOR),
        (OUTSIDE, Zone({"8.8.4.4": "dns.google"}), Method.RDNS, State.IMPOSTOR),
        # Anybody can give an address the name of somebody else; only the owner's zone leads back.
        (OUTSIDE, Zone({"8.8.4.4": CRAWL}, {CRAWL: "66.249.66.1"}), Method.RDNS, State.IMPOSTOR),
        (OUTSIDE, Zone({"8.8.4.4": "googlebot.com.evil.test"}), Method.RDNS, State.IMPOSTOR),
        (OUTSIDE, Zone({"8.8.4.4": "evilgooglebot.com"}), Method.RDNS, State.IMPOSTOR),
        (OUTSIDE, Zone(None), Method.RANGE, State.IMPOSTOR),
        (replace(OUTSIDE, range_name="bingbot"), None, Method.RANGE, State.IMPOSTOR),
        (replace(OUTSIDE, claimed="DuckDuckBot"), None, Method.NONE, State.UNKNOWN),
        (replace(OUTSIDE, claimed="Meta crawler", asn=32934), None, Method.RANGE, State.VERIFIED),
        (replace(OUTSIDE, claimed="Meta crawler"), None, Method.RANGE, State.IMPOSTOR),
        (replace(OUTSIDE, claimed="Meta crawler", asn=0), None, Method.NONE, State.UNKNOWN),
        (replace(OUTSIDE, claimed="YandexBot"), Zone({}), Method.RDNS, State.IMPOSTOR),
    ],
)
def test_ranges_and_names_decide(claim: Claim, zone: Zone | None, method: Method, state: State) -> None:
    found = identify(claim, zone)
    assert (found.method, found.state) == (method, state)
    assert found.operator
    assert found.detail


@pytest.mark.parametrize(
    ("claim", "zone", "why"),
    [
        (replace(OUTSIDE, claimed="YandexBot"), None, "not asked here"),
        (replace(OUTSIDE, claimed="YandexBot"), Zone(None), "did not answer"),
        (replace(OUTSIDE, claimed="ClaudeBot"), Zone({}), "names no domain|publishes no ranges"),
        (replace(OUTSIDE, claimed="other bot"), Zone({}), "nobody says how"),
        (replace(OUTSIDE, range_age_days=None), None, "no list"),
        (replace(OUTSIDE, range_age_days=MAX_RANGE_AGE_DAYS + 1), None, "days old"),
    ],
)
def test_where_nothing_can_say_nobody_is_an_impostor(claim: Claim, zone: Zone | None, why: str) -> None:
    found = identify(claim, zone)
    assert (found.method, found.state) == (Method.NONE, State.UNKNOWN)
    assert any(words in found.detail for words in why.split("|"))


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "::ffff:192.168.7.7", "127.0.0.1", "100.64.0.9", "fd00::7", "198.51.100.7", "169.254.1.1"],
)
def test_an_address_that_is_not_public_is_never_an_impostor_s(address: str) -> None:
    found = identify(replace(OUTSIDE, client_ip=address), Zone({}))
    assert (found.method, found.state) == (Method.NONE, State.UNKNOWN)


@pytest.mark.parametrize("claim", [OUTSIDE, GOOGLEBOT])
def test_pseudonym_is_nobodys_address(claim: Claim) -> None:
    found = identify(claim, Zone({}), is_pseudonym=True)
    assert (found.state, found.method) == (State.UNKNOWN, Method.NONE)
    assert "pseudonym" in found.detail


def test_a_range_is_believed_without_asking_the_dns() -> None:
    zone = Zone({})
    assert identify(GOOGLEBOT, zone).state is State.VERIFIED
    assert zone.asked == 0


def test_answers_are_kept_for_their_time_and_failures_are_not() -> None:
    now = [0.0]
    zone = Zone({"8.8.4.4": CRAWL}, {CRAWL: "8.8.4.4"})
    cached = CachedResolver(zone, lambda: now[0], time_to_live=timedelta(minutes=10), size=2)
    for _ in range(3):
        assert identify(OUTSIDE, cached).state is State.VERIFIED
    assert zone.asked == 2
    now[0] = 601.0
    identify(OUTSIDE, cached)
    assert zone.asked == 4
    for number in range(5):
        cached.names_of(plain_address(f"8.8.8.{number}"))
    assert len(cached._held) == 2
    broken = Zone(None)
    cached = CachedResolver(broken, lambda: 0.0)
    for _ in range(2):
        with pytest.raises(ResolverUnavailable):
            cached.names_of(plain_address("8.8.8.8"))
    assert broken.asked == 2


def test_every_bot_is_a_family_and_every_range_is_in_the_reference_data(project_root: Path) -> None:
    with (project_root / "dbt_clickhouse/seeds/user_agent_families.csv").open() as seed:
        declared = {row["family"] for row in csv.DictReader(seed) if row["is_declared_bot"] == "1"}
    assert {bot.claimed for bot in BOTS} <= declared
    source = SOURCES_BY_NAME["crawler_ranges"]
    published = set(source.read(fetch(source, DEFAULT).files)["intel_networks"]["name"])
    assert {name for bot in BOTS for name in bot.range_names} <= published
    assert all(bot.documentation.startswith("https://") for bot in BOTS)


def test_an_answer_that_holds_is_not_asked_again() -> None:
    claims = pl.DataFrame(
        {
            "client_ip": ["a", "b", "c", "d"],
            "claimed": ["Googlebot"] * 4,
            "range_name": [""] * 4,
            "asn": [1] * 4,
        }
    )
    ages = {"a": ("verified", 23), "b": ("verified", 25), "c": ("unknown", 2)}
    checked = pl.DataFrame(
        [(ip, "Googlebot", state, NOW - timedelta(hours=age)) for ip, (state, age) in ages.items()],
        schema={
            "client_ip": pl.String,
            "claimed": pl.String,
            "state": pl.String,
            "checked_at": pl.Datetime("us", "UTC"),
        },
        orient="row",
    )
    due = due_claims(claims, checked, 10, NOW)
    assert [(claim.client_ip, claim.range_age_days) for claim in due] == [("b", 10), ("c", 10), ("d", 10)]


def test_one_wrong_signature_is_an_impostor_s_whatever_the_others_are() -> None:
    def finding(state: State, domain: str = "bot.example") -> Finding:
        return Finding(domain, state, state.value)

    answers = identities_of_signatures(
        [
            ("192.0.2.1", finding(State.VERIFIED)),
            ("192.0.2.1", finding(State.IMPOSTOR)),
            ("192.0.2.2", finding(State.UNKNOWN)),
            ("192.0.2.2", finding(State.VERIFIED)),
            ("192.0.2.3", finding(State.UNKNOWN)),
            ("192.0.2.4", finding(State.UNKNOWN, "")),
        ],
        {"bot.example": "Example"},
    )
    assert [(one.client_ip, one.identity.state, one.identity.method) for one in answers] == [
        ("192.0.2.1", State.IMPOSTOR, Method.WEB_BOT_AUTH),
        ("192.0.2.2", State.VERIFIED, Method.WEB_BOT_AUTH),
        ("192.0.2.3", State.UNKNOWN, Method.NONE),
    ]


def test_no_answers_are_no_rows() -> None:
    identity = Identity("Google", Method.RANGE, State.VERIFIED, "x")
    assert identity_rows([Checked("8.8.4.4", "Googlebot", identity)], NOW)["state"].to_list() == ["verified"]
    assert identity_rows([], NOW).is_empty()
