"""People: who browses, from where, when, and how they read."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from sample_traffic.addresses import HOME, HOME_V6, MOBILE, VPN, Network, invent_address
from sample_traffic.browsing import BrowserRun
from sample_traffic.connections import Client, Server
from sample_traffic.header_sets import Browser
from sample_traffic.hello_template import HelloTemplate
from sample_traffic.sample_files import Truth
from sample_traffic.sites import POPULARITY, SEARCH_ENGINE, SHOP, SITES, Page, Site
from sample_traffic.tcp_stack import LINUX, TcpStack

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

_PEOPLE = 2400
"""At scale 1."""
_VISITS_A_DAY = 0.95
_DWELL_MEDIAN_US = 21_000_000
_LONGEST_DWELL_US = 900 * 1_000_000
_AWAKE = (3, 1, 1, 1, 1, 2, 5, 9, 12, 14, 15, 15, 17, 16, 14, 14, 15, 17, 19, 22, 24, 22, 15, 8)
"""Relative number of visits that start in each hour of the local day."""


@dataclass(slots=True)
class Person:
    """Someone with a browser, habits and a favourite site."""

    key: str
    browser: Browser
    run: BrowserRun
    utc_offset_h: int
    favourite: Site
    visits_a_day: float
    pages_log_mean: float
    rtt_us: int

    def visit_starts(self, start_us: int, end_us: int, rng: random.Random) -> Iterator[int]:
        """When the person's visits begin: a Poisson number of them, by the hour of the local day."""
        for _ in range(_poisson(self.visits_a_day * (end_us - start_us) / DAY_US, rng)):
            while True:
                ts_us = rng.randrange(start_us, end_us)
                local_hour = (ts_us // HOUR_US + self.utc_offset_h) % 24
                if rng.random() < _AWAKE[local_hour] / max(_AWAKE):
                    yield ts_us
                    break

    def visit(self, now_us: int, rng: random.Random) -> None:
        """Read some pages, think in between, now and then follow a link to another site."""
        site = self.favourite if rng.random() < 0.7 else rng.choices(SITES, POPULARITY)[0]
        page, referer, fetch_site = self._entrance(site, rng)
        for _ in range(min(14, 1 + int(rng.lognormvariate(self.pages_log_mean, 0.7)))):
            is_dead_link = rng.random() < 0.008
            if is_dead_link:
                page = Page(f"/old{page.uri}", (), None)
            now_us = self.run.load(
                now_us,
                site,
                page,
                rng,
                referer=referer,
                fetch_site=fetch_site,
                status=404 if is_dead_link else 200,
            )
            dwell_us = int(rng.lognormvariate(math.log(_DWELL_MEDIAN_US), 1.05))
            until_us = now_us + min(_LONGEST_DWELL_US, max(900_000, dwell_us))
            self.run.poll(now_us, until_us, site, page, rng)
            now_us = until_us
            referer, fetch_site = f"https://{site.host}{page.uri}", "same-origin"
            if site is SHOP and rng.random() < 0.02:
                now_us = self._log_in(now_us, referer, rng)
                referer = f"https://{site.host}/login"
            if rng.random() < 0.05:
                site = rng.choices(SITES, POPULARITY)[0]
                if not referer.startswith(f"https://{site.host}/"):
                    referer, fetch_site = referer[: referer.index("/", 8) + 1], "cross-site"
                page = site.home()
            else:
                page = site.some_page(rng)
        self.run.leave(now_us, rng)

    def _log_in(self, now_us: int, referer: str, rng: random.Random) -> int:
        """Open the form, fill it in, sometimes get the password wrong once; returns when it is done."""
        form = Page("/login", SHOP.shared, None)
        now_us = self.run.load(now_us, SHOP, form, rng, referer=referer, fetch_site="same-origin")
        attempts = (401, 200) if rng.random() < 0.15 else (200,)
        for status in attempts:
            now_us = self.run.load(
                now_us + int(rng.lognormvariate(16.1, 0.4)),
                SHOP,
                form,
                rng,
                referer=f"https://{SHOP.host}/login",
                fetch_site="same-origin",
                status=status,
                posted_bytes=rng.randint(38, 62),
            )
        return now_us + int(rng.lognormvariate(15.5, 0.5))

    def _entrance(self, site: Site, rng: random.Random) -> tuple[Page, str | None, str]:
        """(first page, Referer, Sec-Fetch-Site): typed, bookmarked or found by a search engine."""
        if rng.random() < 0.35:
            return site.some_page(rng), SEARCH_ENGINE, "cross-site"
        page = site.home() if rng.random() < 0.7 else site.some_page(rng)
        return page, None, "none"


@dataclass(slots=True)
class _Place:
    """Where people are online: one address and the path to it."""

    network: Network
    address: str
    hops: int
    rtt_us: int
    mss: int
    is_mobile: bool


def population(
    server: Server,
    browsers: tuple[Browser, ...],
    hellos: dict[str, tuple[HelloTemplate, ...]],
    scale: float,
    rng: random.Random,
    taken: set[str],
) -> list[Person]:
    """Everybody, with the addresses they share: households, offices, carriers' NAT, VPN exits."""
    people: list[Person] = []
    wanted = round(_PEOPLE * scale)
    while len(people) < wanted:
        place, residents = _some_place(rng, taken)
        for _ in range(min(residents, wanted - len(people))):
            people.append(_person(len(people), place, server, browsers, hellos, rng))
    return people


def _some_place(rng: random.Random, taken: set[str]) -> tuple[_Place, int]:
    """A new place and how many people are online there."""
    draw = rng.random()
    if draw < 0.78:
        is_v6 = rng.random() < 0.12
        network = rng.choice(HOME_V6 if is_v6 else HOME)
        mss = rng.choice((1440, 1440, 1432)) if is_v6 else rng.choice((1460, 1460, 1460, 1452, 1452, 1412))
        residents, median_rtt_us, is_mobile = rng.choice((1, 1, 1, 2, 2, 3)), 24_000, False
    elif draw < 0.93:
        network, mss = rng.choice(MOBILE), rng.choice((1400, 1380, 1360, 1460))
        residents, median_rtt_us, is_mobile = rng.choice((1, 1, 1, 1, 9)), 55_000, True
    elif draw < 0.97:
        network, mss = rng.choice(HOME), 1460
        residents, median_rtt_us, is_mobile = rng.randint(6, 15), 14_000, False
    else:
        network, mss = rng.choice(VPN), rng.choice((1380, 1340, 1360))
        residents, median_rtt_us, is_mobile = rng.randint(1, 4), 48_000, False
    place = _Place(
        network=network,
        address=invent_address(network, rng, taken),
        hops=rng.randint(6, 19),
        rtt_us=int(rng.lognormvariate(math.log(median_rtt_us), 0.5)),
        mss=mss,
        is_mobile=is_mobile,
    )
    return place, residents


def _person(
    number: int,
    place: _Place,
    server: Server,
    browsers: tuple[Browser, ...],
    hellos: dict[str, tuple[HelloTemplate, ...]],
    rng: random.Random,
) -> Person:
    usable = [browser for browser in browsers if browser.is_mobile or not place.is_mobile]
    browser = rng.choices(usable, [browser.weight for browser in usable])[0]
    client = Client(
        address=place.address,
        stack=_stack_of(browser, rng),
        mss=place.mss,
        hops=place.hops,
        rtt_us=int(place.rtt_us * rng.uniform(0.9, 1.4)),
        hellos=tuple(hello for name in browser.hello_clients for hello in hellos[name]),
        truth=Truth("human", "human", browser.name, f"person-{number}"),
        clock=rng.getrandbits(32),
    )
    languages = place.network.languages if rng.random() < 0.88 else ("en-US",)
    return Person(
        key=f"person{number}",
        browser=browser,
        run=BrowserRun(server, client, browser, languages),
        utc_offset_h=place.network.utc_offset_h,
        favourite=rng.choices(SITES, POPULARITY)[0],
        visits_a_day=rng.lognormvariate(math.log(_VISITS_A_DAY), 0.5),
        pages_log_mean=rng.uniform(0.5, 1.5),
        rtt_us=client.rtt_us,
    )


def _stack_of(browser: Browser, rng: random.Random) -> TcpStack:
    """The browser's own system, or rarely another: some people make their browser hide its system."""
    hides_system = "firefox" in browser.name and rng.random() < 0.06
    return LINUX if hides_system else browser.stack


def _poisson(mean: float, rng: random.Random) -> int:
    """Knuth's method; the means here are small."""
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
