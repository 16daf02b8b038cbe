"""What bots ask for: each function gives the n-th request of one bot."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from sample_traffic.sites import SHOP, Site


@dataclass(frozen=True, slots=True)
class Target:
    """A request and how the server answers it."""

    method: str
    uri: str
    status: int
    posted_bytes: int | None = None


_PRODUCTS = 800
_PROBES = (
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/wp-admin/",
    "/xmlrpc.php",
    "/actuator/env",
    "/actuator/health",
    "/phpmyadmin/",
    "/server-status",
    "/backup.zip",
    "/config.json",
    "/admin/",
    "/cgi-bin/test.cgi",
    "/.aws/credentials",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/api/swagger.json",
    "/debug/pprof/",
    "/.DS_Store",
)
_FORBIDDEN = ("/server-status", "/admin/")
_WORDS = (
    "old",
    "test",
    "dev",
    "img",
    "js",
    "css",
    "data",
    "files",
    "private",
    "tmp",
    "user",
    "login",
    "shop",
)
_INJECTIONS = (
    "1",
    "1'",
    "1%20AND%201=1",
    "1%20AND%201=2",
    "1%20UNION%20SELECT%20NULL--",
    "1;WAITFOR%20DELAY%20'0:0:5'--",
)


def product_by_number(n: int, _rng: random.Random) -> Target:
    """Every product in turn."""
    uri = f"/product/{1 + n % _PRODUCTS}"
    return Target("GET", uri, 200)


def product_with_gaps(n: int, _rng: random.Random) -> Target:
    """Every eleventh product: one share of a scrape that several addresses divide among them."""
    uri = f"/product/{1 + n * 11 % _PRODUCTS}"
    return Target("GET", uri, 200)


def pages_of(site: Site) -> Callable[[int, random.Random], Target]:
    """Pages of a site in no order, as a crawler's queue gives them."""

    def some_page(_n: int, rng: random.Random) -> Target:
        page = site.some_page(rng)
        return Target("GET", page.uri, 200)

    return some_page


def polite_crawl(n: int, rng: random.Random) -> Target:
    """robots.txt, then the sitemap, then pages."""
    if n % 150 < 2:
        return Target("GET", ("/robots.txt", "/sitemap.xml")[n % 150], 200)
    return _shop_page(n, rng)


def feed(n: int, _rng: random.Random) -> Target:
    """The feed, which has mostly not changed."""
    return Target("GET", "/feed.xml", 200 if n % 12 == 0 else 304)


def home(_n: int, _rng: random.Random) -> Target:
    """The home page, to see whether it answers."""
    return Target("GET", "/", 200)


def item(_n: int, rng: random.Random) -> Target:
    """Records of the interface, newest first."""
    return Target("GET", f"/v1/items/{1 + rng.randrange(400)}", 200)


def probe(n: int, _rng: random.Random) -> Target:
    """Paths where careless sites keep secrets."""
    uri = _PROBES[n % len(_PROBES)]
    return Target("GET", uri, 403 if uri in _FORBIDDEN else 404)


def word(n: int, _rng: random.Random) -> Target:
    """A word list, tried one after the other."""
    uri = f"/{_WORDS[n % len(_WORDS)]}{n // len(_WORDS) or ''}"
    found = crc32(uri.encode()) % 40 == 0
    return Target("GET", uri, 301 if found else 404)


def injection(n: int, _rng: random.Random) -> Target:
    """SQL in a parameter."""
    uri = f"/product/7?id={_INJECTIONS[n % len(_INJECTIONS)]}"
    return Target("GET", uri, 500 if "'" in uri else 200)


def login(_n: int, rng: random.Random) -> Target:
    """A stolen pair of name and password; one in two hundred still works."""
    status = 200 if rng.random() < 0.005 else 401
    return Target("POST", "/login", status, rng.randint(38, 62))


def basic_login(_n: int, _rng: random.Random) -> Target:
    """A password guess in the Authorization header."""
    return Target("GET", "/", 401)


_shop_page = pages_of(SHOP)
