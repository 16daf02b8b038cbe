"""The invented web sites of the sample: their pages, what a page loads, and where it leads.

Four hosts with names as long as the recorded one. The number of images follows from the address of a
page, so that the same page always loads the same things.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from zlib import crc32


class Kind(StrEnum):
    """What a request is for; selects its headers."""

    NAVIGATE = "navigate"
    STYLE = "style"
    SCRIPT = "script"
    IMAGE = "image"
    ICON = "icon"
    FETCH = "fetch"


@dataclass(frozen=True, slots=True)
class Resource:
    """Something a page loads."""

    uri: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Page:
    """A page and everything it loads, in the order in which a browser finds it."""

    uri: str
    resources: tuple[Resource, ...]
    poll: str | None
    """Address that an open page asks every 30 s."""


@dataclass(frozen=True, slots=True)
class PageKind:
    """Pages of one template."""

    template: str
    weight: int
    """How often a reader goes to such a page next."""
    images: tuple[int, int]
    image_template: str = "/img/c/{n}.jpg"
    fetch: str | None = None
    poll: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """One host; the first page kind is its home page."""

    host: str
    kinds: tuple[PageKind, ...]
    shared: tuple[Resource, ...]
    """Style sheets, scripts and pictures that all its pages load."""
    cookies: tuple[str, ...]
    """Cookies set by the first response."""

    def home(self) -> Page:
        """The home page."""
        return self.page_at(self.kinds[0], self.kinds[0].template, 0)

    def some_page(self, rng: random.Random) -> Page:
        """A page a reader goes to next; low numbers are the popular ones."""
        kind = rng.choices(self.kinds, [kind.weight for kind in self.kinds])[0]
        number = 1 + int(_NUMBERS * rng.random() ** 2.5)
        uri = kind.template.format(n=number, slug=_SLUGS[number % len(_SLUGS)], page=1 + number % 6)
        return self.page_at(kind, uri, number)

    def page_at(self, kind: PageKind, uri: str, number: int) -> Page:
        """The page of a template at `uri`; `number` chooses its pictures."""
        seed = crc32(f"{self.host}{uri}".encode())
        fewest, most = kind.images
        images = [
            Resource(kind.image_template.format(n=number + step), Kind.IMAGE)
            for step in range(fewest + seed % (most - fewest + 1))
        ]
        fetches = [Resource(kind.fetch.format(n=number), Kind.FETCH)] if kind.fetch else []
        return Page(uri, (*self.shared, *images, *fetches), kind.poll)


_NUMBERS = 800
_SLUGS = ("garden", "kitchen", "lamps", "shoes", "bikes", "books", "tools", "toys", "tea", "paper", "maps")


def _shared(version: str, *scripts: str) -> tuple[Resource, ...]:
    return (
        Resource(f"/static/main.{version}.css", Kind.STYLE),
        *(Resource(f"/static/{name}.{version}.js", Kind.SCRIPT) for name in scripts),
        Resource("/static/logo.svg", Kind.IMAGE),
        Resource("/favicon.ico", Kind.ICON),
    )


SHOP = Site(
    host="shop.test",
    kinds=(
        PageKind("/", 1, (2, 4), fetch="/api/cart"),
        PageKind("/category/{slug}", 4, (3, 6), "/img/p/{n}.jpg"),
        PageKind("/category/{slug}?page={page}", 2, (3, 6), "/img/p/{n}.jpg"),
        PageKind("/product/{n}", 8, (1, 3), "/img/p/{n}.jpg", fetch="/api/stock/{n}"),
        PageKind("/search?q={slug}", 2, (3, 5), "/img/p/{n}.jpg"),
        PageKind("/cart", 1, (0, 1), fetch="/api/cart"),
    ),
    shared=_shared("3f9a1c", "vendor", "app"),
    cookies=("sid", "consent"),
)
BLOG = Site(
    host="blog.test",
    kinds=(
        PageKind("/", 1, (2, 3)),
        PageKind("/posts/{n}-on-{slug}", 6, (1, 2)),
        PageKind("/tags/{slug}", 1, (2, 4)),
    ),
    shared=_shared("77b0", "site"),
    cookies=("visit",),
)
NEWS = Site(
    host="news.test",
    kinds=(
        PageKind("/", 3, (3, 6), poll="/live/ticker"),
        PageKind("/section/{slug}", 2, (3, 5)),
        PageKind("/article/{n}-{slug}", 7, (1, 3), fetch="/api/comments/{n}"),
    ),
    shared=_shared("c41e02", "bundle", "ads"),
    cookies=("nid", "consent"),
)
DATA = Site(
    host="data.test",
    kinds=(
        PageKind("/", 1, (1, 2)),
        PageKind("/docs/{slug}", 3, (0, 2)),
        PageKind("/sets/{n}", 3, (1, 2), fetch="/v1/items/{n}"),
    ),
    shared=_shared("0aa7", "docs"),
    cookies=(),
)
SITES = (SHOP, BLOG, NEWS, DATA)
POPULARITY = (50, 18, 24, 8)
"""Weights of `SITES` among people."""

SEARCH_ENGINE = "https://search.example/"
