"""What a program asks for, one request after another: the errands of the recording's scripted clients.

Pure; each errand takes a random generator and, where it reads answers, is a generator that is sent the last
body. Also used by the recorder to write word lists.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

LINK = re.compile(rb'href="(/[^"]*|https://[^"]*)"')
IMAGE = re.compile(rb'(?:src|rel="stylesheet" href)="(/[^"]*)"')
SLUGS = ("garden", "kitchen", "lamps", "shoes", "bikes", "books", "tools", "toys", "tea", "paper", "maps")
SENSITIVE = (
    "/.env", "/.git/config", "/wp-login.php", "/wp-admin/setup-config.php", "/phpmyadmin/", "/actuator/env",
    "/server-status", "/.aws/credentials", "/vendor/phpunit/src/Util/PHP/eval-stdin.php", "/xmlrpc.php",
    "/admin.php", "/backup.zip", "/config.json", "/.DS_Store", "/api/v1/pods", "/solr/admin/info/system",
    "/owa/auth/logon.aspx", "/cgi-bin/luci", "/HNAP1/", "/boaform/admin/formLogin", "/telescope/requests",
    "/.vscode/sftp.json", "/debug/default/view", "/_ignition/execute-solution", "/login.action", "/console/",
)  # fmt: skip
PASSWORDS = (
    "123456",
    "password",
    "qwerty",
    "letmein",
    "dragon",
    "monkey",
    "iloveyou",
    "sunshine",
    "princess",
)


@dataclass(frozen=True, slots=True)
class Ask:
    """One request."""

    path: str
    method: str = "GET"
    form: dict[str, str] | None = None
    referer: str | None = None


Errand = Generator[Ask, bytes, None]


def scrape(count: int, host: str, rng: random.Random) -> Errand:
    """Pages by their number, in order."""
    first = rng.randint(1, 300)
    for number in range(first, first + count):
        yield Ask(_numbered(host, number))


def shuffle(count: int, host: str, rng: random.Random) -> Errand:
    """Pages by their number, in no order."""
    numbers = rng.sample(range(1, 800), count)
    for number in numbers:
        yield Ask(_numbered(host, number))


def _numbered(host: str, number: int) -> str:
    slug = SLUGS[number % len(SLUGS)]
    return {
        "shop.test": f"/product/{number}",
        "blog.test": f"/posts/{number}-on-{slug}",
        "news.test": f"/article/{number}-{slug}",
    }.get(host, f"/sets/{number}")


def interface(count: int, host: str, rng: random.Random) -> Errand:
    """Items of an interface for programs."""
    for _ in range(count):
        number = int(1 + 400 * rng.random() ** 2)
        yield Ask(f"/api/stock/{number}" if host == "shop.test" else f"/v1/items/{number}")


def follow(count: int, host: str, rng: random.Random, start: str = "/") -> Errand:
    """From link to link as a reader would, with the Referer of the page it stands on; pages only."""
    here = start
    body = yield Ask(here)
    for _ in range(count - 1):
        links = [link for link in _links(body, host) if not link.startswith("/old")]
        there = rng.choice(links or ["/"])
        body = yield Ask(there, referer=f"https://{host}{here}")
        here = there


def follow_with_assets(count: int, host: str, rng: random.Random) -> Errand:
    """As `follow`, and most of what a page shows."""
    here, asked, loaded = "/", 0, set()
    body = yield Ask(here)
    while asked < count:
        asked += 1
        for found in IMAGE.findall(body):
            uri = found.decode()
            if uri not in loaded and asked < count and rng.random() < 0.9:
                loaded.add(uri)
                asked += 1
                yield Ask(uri, referer=f"https://{host}{here}")
        there = rng.choice(_links(body, host) or ["/"])
        body = yield Ask(there, referer=f"https://{host}{here}")
        here = there


def crawl(count: int, host: str, rng: random.Random) -> Errand:
    """Breadth first from the home page, each page once, after robots.txt and within it."""
    rules = yield Ask("/robots.txt")
    closed = tuple(
        line.partition(":")[2].strip() for line in rules.decode().splitlines() if "Disallow" in line
    )
    waiting, known = ["/"], {"/"}
    for _ in range(count - 1):
        if not waiting:
            return
        body = yield Ask(waiting.pop(0))
        for link in _links(body, host):
            if link not in known and not link.startswith(closed or ("\0",)):
                known.add(link)
                waiting.append(link)


def rude_crawl(count: int, host: str, rng: random.Random) -> Errand:
    """Breadth first, robots.txt unread."""
    waiting, known = ["/"], {"/"}
    for _ in range(count):
        if not waiting:
            return
        body = yield Ask(waiting.pop(0))
        fresh = [link for link in _links(body, host) if link not in known]
        known.update(fresh)
        waiting += fresh


def probe(count: int, host: str, rng: random.Random) -> Errand:
    """Paths that hold something on other people's servers."""
    for number in range(count):
        yield Ask(
            SENSITIVE[number % len(SENSITIVE)]
            if number < len(SENSITIVE)
            else f"{rng.choice(SENSITIVE)}.{rng.choice(('bak', 'old', '1'))}"
        )


def stuff(count: int, host: str, rng: random.Random) -> Errand:
    """Log in with names and passwords that leaked elsewhere."""
    for number in range(count):
        user = f"{rng.choice(SLUGS)}{rng.randint(1, 9999)}@mail.example"
        if number % 5 == 0:
            yield Ask("/login")
        form = {"user": user, "password": rng.choice(PASSWORDS) if rng.random() < 0.98 else "correct-horse"}
        yield Ask("/login", "POST", form, f"https://{host}/login")


def feed(count: int, host: str, rng: random.Random) -> Errand:
    """The feed, again and again; now and then an article of it."""
    body = b""
    for number in range(count):
        body = (yield Ask("/feed.xml")) or body
        items = re.findall(rb"<link>(https://[^<]*/[^<]+)</link>", body)
        if number and items and rng.random() < 0.15:
            yield Ask(urlsplit(rng.choice(items).decode()).path)


def monitor(count: int, host: str, rng: random.Random) -> Errand:
    """The home page, and whether it answers."""
    for _ in range(count):
        yield Ask("/")


def search(count: int, host: str, rng: random.Random) -> Errand:
    """Search terms and the pages of each result."""
    for number in range(count):
        slug = SLUGS[number // 6 % len(SLUGS)]
        yield Ask(f"/category/{slug}?page={1 + number % 6}" if number % 2 else f"/search?q={slug}")


def _links(body: bytes, host: str) -> list[str]:
    found = (urljoin(f"https://{host}/", link.decode("latin-1")) for link in LINK.findall(body))
    paths = [link.removeprefix(f"https://{host}") for link in found if link.startswith(f"https://{host}/")]
    return [path.replace("&amp;", "&") for path in paths if not re.search(r"\.(css|ico|xml|svg|js)$", path)]


ERRANDS: dict[str, Callable[[int, str, random.Random], Errand]] = {
    errand.__name__: errand
    for errand in (
        scrape, shuffle, interface, follow, follow_with_assets, crawl,
        rude_crawl, probe, stuff, feed, monitor, search,
    )
}  # fmt: skip
