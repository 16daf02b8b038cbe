"""The families of bots: who they are, what they ask for, how often, from where."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from sample_traffic import bot_targets
from sample_traffic.addresses import HOME, HOSTING, MOBILE, VPN, Network
from sample_traffic.bot_targets import Target
from sample_traffic.sites import BLOG, DATA, NEWS, SHOP, Site

SECOND_US = 1_000_000

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{v}.0.0.0 Safari/537.36"
)
_CHROME_156, _CHROME_120 = _CHROME.format(v=156), _CHROME.format(v=120)
_FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:153.0) Gecko/20100101 Firefox/153.0"
_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Mobile/15E148 Safari/604.1"
)
_SEARCH_BOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def _every(seconds: float, jitter: float = 0.01) -> Callable[[random.Random], int]:
    """A timer; `jitter` is the relative standard deviation."""
    return lambda rng: max(1000, int(rng.gauss(seconds, seconds * jitter) * SECOND_US))


def _about(seconds: float, sigma: float = 0.6) -> Callable[[random.Random], int]:
    """Random pauses with this median: a program that sleeps at random to look less regular."""
    return lambda rng: int(rng.lognormvariate(math.log(seconds), sigma) * SECOND_US)


@dataclass(frozen=True, slots=True)
class Family:
    """Bots of one make. `bursts` a day of `burst` requests each; 0 bursts: `burst` requests every hour."""

    name: str
    tier: str
    clients: tuple[str, ...]
    """Recorded clients; each bot is one of them in turn."""
    count: int
    """Bots at scale 1."""
    site: Site
    target: Callable[[int, random.Random], Target]
    pause: Callable[[random.Random], int]
    burst: int
    bursts: int
    per_connection: int = 100
    networks: tuple[Network, ...] = HOSTING
    agents: tuple[str, ...] = ()
    """User agents put in place of the program's own."""
    is_browser: bool = False
    hides_headless: bool = False
    is_hello_only: bool = False


_LIBRARIES = (
    "py-requests",
    "py-httpx-h2",
    "py-aiohttp",
    "go119-nethttp",
    "curl-h2",
    "node20-axios",
    "scrapy",
)
_IMPERSONATORS = (
    "curl_cffi-chrome146",
    "curl_cffi-chrome150",
    "curl_cffi-firefox135",
    "curl_cffi-safari184",
    "curl_cffi-chrome131",
    "curl_cffi-safari260_ios",
    "curl_cffi-chrome120",
    "curl_cffi-edge101",
    "curl_cffi-chrome110",
    "curl_cffi-chrome",
)
_DRIVEN = ("puppeteer", "playwright", "selenium", "chromium-headless-new", "chromium-headless-shell")
_ANYWHERE = (*HOSTING, *HOME, *VPN)

FAMILIES = (
    Family(
        name="uptime-monitor",
        tier="honest",
        clients=("py-httpx", "curl-http11"),
        count=2,
        site=SHOP,
        target=bot_targets.home,
        pause=_every(120),
        burst=29,
        bursts=0,
        per_connection=1,
    ),
    Family(
        name="feed-reader",
        tier="honest",
        clients=("py-urllib3", "perl-lwp", "links"),
        count=3,
        site=BLOG,
        target=bot_targets.feed,
        pause=_every(580, 0.02),
        burst=6,
        bursts=0,
        per_connection=1,
        networks=_ANYWHERE,
    ),
    Family(
        name="crawler",
        tier="honest",
        clients=("scrapy", "py-tornado"),
        count=2,
        site=SHOP,
        target=bot_targets.polite_crawl,
        pause=_about(1.2, 0.3),
        burst=150,
        bursts=3,
    ),
    Family(
        name="mirror",
        tier="honest",
        clients=("wget",),
        count=1,
        site=BLOG,
        target=bot_targets.some_page,
        pause=_about(0.3),
        burst=120,
        bursts=1,
        per_connection=40,
    ),
    Family(
        name="api-client",
        tier="honest",
        clients=("java17-httpclient", "node20-fetch", "php-curl", "py-pycurl"),
        count=4,
        site=DATA,
        target=bot_targets.item,
        pause=_every(45, 0.2),
        burst=60,
        bursts=0,
        per_connection=20,
    ),
    Family(
        name="path-scanner",
        tier="scanner",
        clients=("gobuster", "dirb", "wfuzz"),
        count=3,
        site=SHOP,
        target=bot_targets.word,
        pause=_about(0.03),
        burst=420,
        bursts=1,
        per_connection=200,
    ),
    Family(
        name="vulnerability-scanner",
        tier="scanner",
        clients=("py-requests-noverify", "nmap-sV", "py-urllib"),
        count=3,
        site=NEWS,
        target=bot_targets.probe,
        pause=_about(0.4),
        burst=60,
        bursts=2,
        per_connection=5,
        agents=(_CHROME_120, "", ""),
    ),
    Family(
        name="injection-scanner",
        tier="scanner",
        clients=("sqlmap",),
        count=1,
        site=SHOP,
        target=bot_targets.injection,
        pause=_about(0.15),
        burst=240,
        bursts=1,
        per_connection=60,
    ),
    Family(
        name="password-guesser",
        tier="scanner",
        clients=("hydra",),
        count=1,
        site=DATA,
        target=bot_targets.basic_login,
        pause=_every(0.5, 0.2),
        burst=180,
        bursts=1,
        per_connection=1,
    ),
    Family(
        name="load-tool",
        tier="scanner",
        clients=("hey", "siege"),
        count=2,
        site=NEWS,
        target=bot_targets.home,
        pause=_every(0.05, 0.3),
        burst=300,
        bursts=1,
        per_connection=50,
    ),
    Family(
        name="tls-survey",
        tier="scanner",
        clients=("openssl-s_client", "gnutls-cli", "httperf"),
        count=2,
        site=SHOP,
        target=bot_targets.home,
        pause=_about(4),
        burst=20,
        bursts=6,
        is_hello_only=True,
    ),
    Family(
        name="scraper-with-browser-agent",
        tier="spoofed_agent",
        clients=_LIBRARIES,
        count=7,
        site=SHOP,
        target=bot_targets.product_by_number,
        pause=_about(1.6),
        burst=90,
        bursts=3,
        per_connection=30,
        agents=(_CHROME_156, _FIREFOX, _IPHONE),
    ),
    Family(
        name="reader-with-browser-agent",
        tier="spoofed_agent",
        clients=_LIBRARIES,
        count=5,
        site=NEWS,
        target=bot_targets.some_page,
        pause=_every(20, 0.1),
        burst=50,
        bursts=4,
        per_connection=10,
        networks=_ANYWHERE,
        agents=(_CHROME_120, _CHROME_156),
    ),
    Family(
        name="false-search-bot",
        tier="spoofed_agent",
        clients=("py-requests", "go119-nethttp"),
        count=2,
        site=BLOG,
        target=bot_targets.some_page,
        pause=_about(3),
        burst=70,
        bursts=3,
        agents=(_SEARCH_BOT,),
    ),
    Family(
        name="impersonating-scraper",
        tier="impersonator",
        clients=_IMPERSONATORS,
        count=10,
        site=SHOP,
        target=bot_targets.product_by_number,
        pause=_about(2.5),
        burst=60,
        bursts=3,
        per_connection=25,
        networks=_ANYWHERE,
    ),
    Family(
        name="impersonating-reader",
        tier="impersonator",
        clients=_IMPERSONATORS,
        count=3,
        site=NEWS,
        target=bot_targets.some_page,
        pause=_about(12, 0.9),
        burst=40,
        bursts=3,
        per_connection=15,
        networks=HOME,
    ),
    Family(
        name="driven-browser",
        tier="automated_browser",
        clients=_DRIVEN,
        count=6,
        site=SHOP,
        target=bot_targets.product_by_number,
        pause=_about(2.5, 0.3),
        burst=12,
        bursts=3,
        is_browser=True,
    ),
    Family(
        name="disguised-browser",
        tier="automated_browser",
        clients=_DRIVEN[:4],
        count=5,
        site=NEWS,
        target=bot_targets.some_page,
        pause=_about(9, 0.7),
        burst=10,
        bursts=4,
        networks=_ANYWHERE,
        is_browser=True,
        hides_headless=True,
    ),
    Family(
        name="slow-scraper",
        tier="slow_scraper",
        clients=_IMPERSONATORS[:4],
        count=6,
        site=SHOP,
        target=bot_targets.product_by_number,
        pause=_about(330, 0.25),
        burst=11,
        bursts=0,
        per_connection=1,
        networks=(*HOME, *VPN),
    ),
    Family(
        name="credential-stuffing",
        tier="credential_stuffing",
        clients=("curl_cffi-chrome131", "py-requests", "curl_cffi-chrome146"),
        count=8,
        site=SHOP,
        target=bot_targets.login,
        pause=_about(4, 0.4),
        burst=55,
        bursts=3,
        per_connection=1,
        networks=_ANYWHERE,
        agents=("", _CHROME_156, ""),
    ),
    Family(
        name="distributed-scraper",
        tier="distributed",
        clients=("curl_cffi-chrome146",),
        count=16,
        site=SHOP,
        target=bot_targets.product_with_gaps,
        pause=_about(300, 0.35),
        burst=9,
        bursts=7,
        per_connection=1,
        networks=(*HOME, *MOBILE),
    ),
)
"""All families; `count` bots of each at scale 1. Order: honest first, hardest last."""
