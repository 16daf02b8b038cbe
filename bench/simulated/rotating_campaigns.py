"""Days of campaigns that change address, user agent and fingerprint, with the truth about who is who.

What is invented: operators, their targets, when they change what. Each campaign has a purpose (what share
of its requests goes where), a pace, a box of tools of which it uses one at a time, and providers from which
its addresses come. Per hour it replaces a third to all of its addresses; every few hours it changes its
tool in the middle of an hour, and half of them move to other providers at the same time. Tools and targets
are shared: several campaigns use the same library, several are after the same pages. Interest drifts from
hour to hour, and with each tool the pace changes somewhat. Beside them, suspicious clients that belong to
nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from ja4_assets.campaigns.profile import PACE, Profile

START = datetime(2026, 11, 2, tzinfo=UTC)
PURPOSES = {
    "login": ("/login", "/session", "/account", "/password/reset"),
    "catalogue": ("/product/0", "/category/0", "/search", "/api/product/0", "/brand/0"),
    "prices": ("/api/price/0", "/api/stock/0", "/product/0", "/offers"),
    "scan": (
        "/.env",
        "/wp-login.php",
        "/.git/config",
        "/admin",
        "/phpinfo.php",
        "/backup.sql",
        "/actuator/env",
    ),
    "articles": ("/news/0", "/author/x", "/tag/0", "/feed", "/archive/0"),
    "checkout": ("/cart", "/checkout", "/voucher", "/giftcard/balance"),
}
COMMON = ("/", "/robots.txt", "/favicon.ico", "/assets/app.js")
TOOLS = 18
PROVIDERS = 60
AGENTS = ("Chrome", "Firefox", "Safari", "Edge", "other")
LAST_FOR_WHOLE_RUN = 0.75
"""Share of campaigns that stay from the first hour to the last; the others come and go."""


@dataclass(slots=True)
class _Operator:
    name: str
    paths: dict[str, float]
    gap_s: float
    regularity: float
    reqs_per_conn: float
    tools: list[int]
    providers: list[int]
    size: int
    replaced: float
    tool_hours: int
    pauses_at_night: bool
    moves: bool
    begins: int
    ends: int
    pool: list[tuple[int, int]]

    def drift(self, dice: np.random.Generator) -> None:
        """An hour's change of interest: each share moves by a tenth, and a little towards the others."""
        moved = np.array(list(self.paths.values())) * np.exp(dice.normal(0, 0.1, len(self.paths)))
        moved = 0.98 * moved / moved.sum() + 0.02 / len(self.paths)
        self.paths = dict(zip(self.paths, moved.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Hour:
    """Suspicious entities of one hour, and whose each is; '' for nobody's."""

    start: datetime
    profiles: list[Profile]
    operators: list[str]


def days(seed: int, count: int, campaigns: int, loners: int) -> Iterator[Hour]:
    """Hours of `count` days with `campaigns` campaigns, and about `loners` lone entities an hour."""
    dice = np.random.default_rng(seed)
    hours = 24 * count
    operators = [_operator(number, dice, hours) for number in range(campaigns)]
    serial = iter(range(1, 1 << 24))
    for step in range(hours):
        start = START + timedelta(hours=step)
        for one in operators:
            one.drift(dice)
        profiles: dict[tuple[str, str, str], tuple[Profile, str]] = {}
        for one in operators:
            for made in _hour_of(one, step, start, dice, serial):
                profiles[made.key] = (made, one.name)
        for _ in range(dice.poisson(loners)):
            stranger = _operator(-1, dice, hours)
            stranger.size = 1
            for made in _members(stranger, stranger.tools[0], 1, start, dice, serial):
                profiles[made.key] = (made, "")
        ordered = [profiles[key] for key in sorted(profiles)]
        yield Hour(start, [one for one, _ in ordered], [name for _, name in ordered])


def _operator(number: int, dice: np.random.Generator, hours: int) -> _Operator:
    purpose = list(PURPOSES)[dice.integers(len(PURPOSES))]
    chosen = [*PURPOSES[purpose], *dice.choice(COMMON, size=2, replace=False)]
    shares = dice.dirichlet(np.full(len(chosen), 0.7))
    stays = dice.random() < LAST_FOR_WHOLE_RUN
    begins = 0 if stays else int(dice.integers(0, hours // 2))
    return _Operator(
        name=f"operator-{number}",
        paths=dict(zip((str(path) for path in chosen), shares, strict=True)),
        gap_s=float(10 ** dice.uniform(-0.7, 2.2)),
        regularity=float(dice.uniform(0.05, 1.2)),
        reqs_per_conn=float(10 ** dice.uniform(0, 1.5)),
        tools=[int(tool) for tool in dice.choice(TOOLS, size=dice.integers(2, 6), replace=False)],
        providers=[int(one) for one in dice.choice(PROVIDERS, size=dice.integers(1, 12), replace=False)],
        size=int(dice.integers(4, 40)),
        replaced=float(dice.uniform(0.33, 1.0)),
        tool_hours=int(dice.integers(3, 14)),
        pauses_at_night=bool(dice.random() < 0.3),
        moves=bool(dice.random() < 0.5),
        begins=begins,
        ends=hours if stays else int(begins + dice.integers(12, hours)),
        pool=[],
    )


def _hour_of(
    one: _Operator, step: int, start: datetime, dice: np.random.Generator, serial: Iterator[int]
) -> list[Profile]:
    if not one.begins <= step < one.ends or (one.pauses_at_night and start.hour < 7):
        return []
    turn, within = divmod(step - one.begins, one.tool_hours)
    tool = one.tools[turn % len(one.tools)]
    if within == 0 and turn:
        one.gap_s *= float(10 ** dice.normal(0, 0.1))
        one.regularity = float(np.clip(one.regularity + dice.normal(0, 0.1), 0.05, 1.2))
        one.reqs_per_conn = max(1.0, one.reqs_per_conn * float(10 ** dice.normal(0, 0.2)))
        if one.moves:
            one.providers = [
                int(provider) for provider in dice.choice(PROVIDERS, size=len(one.providers), replace=False)
            ]
            one.pool = []
        before = one.tools[(turn - 1) % len(one.tools)]
        switched = round(one.size * dice.uniform(0.2, 0.8))
        return _members(one, before, one.size - switched, start, dice, serial) + _members(
            one, tool, switched, start, dice, serial
        )
    return _members(one, tool, one.size, start, dice, serial)


def _members(
    one: _Operator, tool: int, size: int, start: datetime, dice: np.random.Generator, serial: Iterator[int]
) -> list[Profile]:
    kept = [each for each in one.pool if dice.random() >= one.replaced]
    while len(kept) < size:
        kept.append((next(serial), int(dice.choice(one.providers))))
    one.pool = kept
    return [_profile(one, tool, address, provider, start, dice) for address, provider in kept[:size]]


def _profile(
    one: _Operator, tool: int, address: int, provider: int, start: datetime, dice: np.random.Generator
) -> Profile:
    gap_s = float(one.gap_s * 10 ** dice.normal(0, 0.12))
    requests = int(np.clip(3000 / gap_s * dice.uniform(0.2, 1.0), 5, 2000))
    asked = dice.multinomial(min(requests, 400), list(one.paths.values()))
    observed = {
        "gap_s": np.clip((np.log10(gap_s) + 2) / 5, 0, 1),
        "iat_cv": (variation := max(0.0, one.regularity + dice.normal(0, 0.08))) / (1 + variation),
        "burstiness": ((variation - 1) / (variation + 1) + 1) / 2,
        "mode_share": np.clip(0.9 - one.regularity * 0.6 + dice.normal(0, 0.05), 0, 1),
        "reqs_per_conn": np.clip(np.log10(one.reqs_per_conn * 10 ** dice.normal(0, 0.05)) / 2, 0, 1),
        "conc_max": float(dice.choice((0.0, 0.2))),
    }
    total = asked.sum()
    return Profile(
        key=(
            f"::ffff:10.{address >> 16}.{(address >> 8) & 255}.{address & 255}",
            # A third of the tools have the cipher suites of their neighbour, as versions of one library do.
            f"t13d{tool:02d}12h2_{tool - tool % 3:012x}_{tool * 7919:012x}",
            "shop.test",
        ),
        requests=requests,
        first_ts=start + timedelta(minutes=1),
        last_ts=start + timedelta(minutes=1, seconds=gap_s * (requests - 1)),
        ua_family=str(dice.choice(AGENTS)),
        asn=64_500 + provider,
        asn_kind="hosting" if provider % 2 else "isp",
        header_order=f"order-{tool - tool % 2}",
        paths={path: count / total for path, count in zip(one.paths, asked, strict=True) if count},
        pace=tuple(float(observed[name]) for name in PACE),
    )
