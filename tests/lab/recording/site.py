"""The web sites of the recording: the pages of `sample_traffic.sites`, answered by address alone.

Pure: a request goes in, an answer comes out. Nobody is told apart by who asks, and no address names a client.
"""

from __future__ import annotations

import base64
import html
import json
import random
import re
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qs, quote, unquote, urlsplit
from zlib import crc32

from sample_traffic.sites import SITES, Kind, Page, Site

SEARCH_ENGINE = "search.example"
"""Where people find a page; its traffic is not part of the recording."""
CHANGED_AT_S = 1_790_000_000
LINKS = 14
GOOD_PASSWORD = "correct-horse"
ADMIN = "Basic " + base64.b64encode(b"admin:tr0ub4dor").decode()
ROBOTS = (
    "User-agent: *\nDisallow: /cart\nDisallow: /search\nDisallow: /api/\nDisallow: /admin/\n"
    "Disallow: /private/\nCrawl-delay: 1\nSitemap: https://{host}/sitemap.xml\n"
)
NUMBERED = re.compile(r"\d+")
STATIC = (".css", ".js", ".jpg", ".svg", ".ico", ".png")
TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "ico": "image/x-icon",
}
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
STYLE = "body{margin:2em}nav a{margin-right:1em}img{width:80px;height:60px}main a{display:block;padding:6px}"
SCRIPT = "if (document.body && document.body.dataset.fetch) fetch(document.body.dataset.fetch);"
"""Nothing asks by the clock: pauses are shortened and stretched afterwards, a timer would not fit."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the site sees it; header names in lower case."""

    method: str
    host: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""


def answer(asked: Asked) -> Answer:
    """What the site named by `asked.host` answers; an unknown name is the first site's."""
    if asked.host == SEARCH_ENGINE:
        return _found(asked)
    site = next((one for one in SITES if one.host == asked.host.partition(":")[0]), SITES[0])
    parts = urlsplit(asked.target)
    path = unquote(parts.path)
    if asked.method not in ("GET", "HEAD", "POST", "OPTIONS"):
        return _plain(405, "method not allowed\n")
    if asked.method == "OPTIONS":
        return Answer(204, (("Allow", "GET, HEAD, POST"),))
    found = _special(site, asked, path, parse_qs(parts.query)) or _page(site, asked, path, parts.query)
    return found if found.status != 200 else _fresh_or_not(found, asked, path)


def _found(asked: Asked) -> Answer:
    """The search engine's page: a link to the address that its query names."""
    target = parse_qs(urlsplit(asked.target).query).get("to", ["/"])[0]
    link = f'<main><a class="go" href="{html.escape(target)}">{html.escape(target)}</a></main>'
    return Answer(
        200, (("Content-Type", "text/html"),), f"<!doctype html><title>found</title>{link}".encode()
    )


def _special(site: Site, asked: Asked, path: str, query: dict[str, list[str]]) -> Answer | None:
    """Everything that is not a page."""
    if path.endswith(STATIC):
        return _static(path)
    if path == "/robots.txt":
        return _plain(200, ROBOTS.format(host=site.host))
    if path in ("/feed.xml", "/sitemap.xml"):
        return _listing(site, path)
    if path.startswith(("/api/", "/v1/", "/live/")):
        return _interface(path)
    if path.startswith("/admin"):
        if asked.headers.get("authorization") == ADMIN:
            return _plain(200, "signed in\n")
        return Answer(
            401, (("WWW-Authenticate", 'Basic realm="admin"'), ("Content-Type", "text/plain")), b"no\n"
        )
    if path == "/login" and site is SITES[0]:
        return _login(site, asked)
    if path == "/product" and query.get("id"):
        return _redirect(301, f"/product/{quote(query['id'][0], safe='')}")
    if path in ("/index.html", "/index.php", "/home"):
        return _redirect(301, "/")
    if path != "/" and path.endswith("/"):
        return _redirect(301, quote(path.rstrip("/")) or "/")
    return None


def _page(site: Site, asked: Asked, path: str, query: str) -> Answer:
    """A page of the site in HTML; 404 for an address that none of its templates gives."""
    page = _known_page(site, path + (f"?{query}" if query else ""))
    if page is None:
        return Answer(
            404, (("Content-Type", "text/html; charset=utf-8"),), _document(site, _nothing(path), 404)
        )
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private, max-age=0")]
    if site.cookies and site.cookies[0] not in asked.headers.get("cookie", ""):
        headers += [
            ("Set-Cookie", f"{name}={crc32(asked.target.encode()):08x}; Path=/") for name in site.cookies
        ]
    return Answer(200, tuple(headers), _document(site, page, 200))


def _nothing(path: str) -> Page:
    return Page(path, (), None)


@lru_cache(maxsize=4096)
def _known_page(site: Site, target: str) -> Page | None:
    path, _, query = target.partition("?")
    for kind in site.kinds:
        shape = kind.template.partition("?")[0]
        pattern = re.escape(shape).replace(r"\{n\}", r"\d{1,4}").replace(r"\{slug\}", r"[a-z]+")
        if re.fullmatch(pattern, path):
            numbers = NUMBERED.findall(path)
            number = int(numbers[0]) if numbers else crc32(target.encode()) % 500 * (path != "/")
            if number > 900:
                return None
            return site.page_at(kind, path + (f"?{query}" if query else ""), number)
    return None


@lru_cache(maxsize=4096)
def _document(site: Site, page: Page, status: int) -> bytes:
    """HTML with the page's resources and links to others."""
    choice = random.Random(crc32(f"{site.host}{page.uri}".encode()))
    by_kind = {kind: [one.uri for one in page.resources if one.kind is kind] for kind in Kind}
    links = [site.some_page(choice).uri for _ in range(LINKS)]
    if choice.random() < 0.25:
        links.append(f"/old{links[0]}")
    if choice.random() < 0.3:
        links.append(f"/product?id={choice.randint(1, 300)}")
    others = "".join(f'<a href="https://{one.host}/">{one.host}</a>' for one in SITES if one is not site)
    heads = [f'<link rel="stylesheet" href="{uri}">' for uri in by_kind[Kind.STYLE]]
    heads += [f'<link rel="icon" href="{uri}">' for uri in by_kind[Kind.ICON]]
    if site.host in ("blog.test", "news.test"):
        heads.append('<link rel="alternate" type="application/rss+xml" href="/feed.xml">')
    pictures = "".join(f'<img alt="" src="{uri}">' for uri in by_kind[Kind.IMAGE])
    anchors = "".join(f'<a class="go" href="{html.escape(uri)}">{html.escape(uri)}</a>' for uri in links)
    scripts = "".join(f'<script src="{uri}"></script>' for uri in by_kind[Kind.SCRIPT])
    fetches = f' data-fetch="{by_kind[Kind.FETCH][0]}"' if by_kind[Kind.FETCH] else ""
    form = '<form action="/search"><input name="q"><button>find</button></form>' if site is SITES[0] else ""
    title = page.uri if status == 200 else "not found"
    words = " ".join(choice.choice(("lorem", "green", "paper", "river", "seven")) for _ in range(200))
    return (
        f"<!doctype html><html><head><meta charset=utf-8><title>{html.escape(title)}</title>"
        f"{''.join(heads)}</head><body{fetches}>"
        f"<nav><a href='/'>home</a>{_corner(site)}{others}</nav>{form}{pictures}"
        f"<main>{anchors}<p>{words}</p></main>{scripts}</body></html>"
    ).encode()


def _corner(site: Site) -> str:
    return '<a href="/login">sign in</a><a href="/cart">cart</a>' if site is SITES[0] else ""


def _login(site: Site, asked: Asked) -> Answer:
    form = (
        b"<!doctype html><title>sign in</title><link rel=stylesheet href=/static/main.3f9a1c.css>"
        b"<form method=post action=/login><input name=user><input name=password type=password>"
        b"<button>sign in</button></form>"
    )
    content = ("Content-Type", "text/html; charset=utf-8")
    if asked.method != "POST":
        return Answer(200, (content, ("Cache-Control", "no-store")), form)
    given = parse_qs(asked.body.decode("utf-8", "replace")).get("password", [""])[0]
    if given == GOOD_PASSWORD:
        return Answer(303, (("Location", "/cart"), ("Set-Cookie", "sid=1; Path=/")))
    return Answer(401, (content,), form)


@lru_cache(maxsize=4096)
def _static(path: str) -> Answer:
    ending = path.rpartition(".")[2]
    if path.startswith(("/old", "/missing")) or not path.startswith(("/static/", "/img/", "/favicon")):
        return _plain(404, "not found\n")
    size = 1_500 + crc32(path.encode()) % 9_000
    if ending == "css":
        body = STYLE.encode()
    elif ending == "js":
        is_first = any(name in path for name in ("app", "site", "bundle", "docs"))
        body = SCRIPT.encode() if is_first else b"/*" + b" " * size + b"*/"
    elif ending == "svg":
        body = (
            b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'
        )
    else:
        body = PIXEL + bytes(size)
    media = "image/png" if ending in ("jpg", "ico") else TYPES[ending]
    return Answer(200, (("Content-Type", media), ("Cache-Control", "public, max-age=86400")), body)


def _interface(path: str) -> Answer:
    body = json.dumps({"of": path, "value": crc32(path.encode()) % 1000}).encode()
    return Answer(200, (("Content-Type", "application/json"), ("Cache-Control", "no-store")), body)


@lru_cache(maxsize=16)
def _listing(site: Site, path: str) -> Answer:
    choice = random.Random(crc32(site.host.encode()))
    pages = [f"https://{site.host}{html.escape(site.some_page(choice).uri)}" for _ in range(40)]
    if path == "/feed.xml":
        items = "".join(f"<item><title>{uri}</title><link>{uri}</link></item>" for uri in pages)
        channel = f"<channel><title>{site.host}</title>{items}</channel>"
        body = f'<?xml version="1.0"?><rss version="2.0">{channel}</rss>'
    else:
        items = "".join(f"<url><loc>{uri}</loc></url>" for uri in pages)
        body = f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{items}</urlset>'
    headers = (("Content-Type", "application/xml"), ("Cache-Control", "public, max-age=300"))
    return Answer(200, headers, body.encode())


def _fresh_or_not(found: Answer, asked: Asked, path: str) -> Answer:
    """304 for a cacheable answer that the client says it has."""
    if not any(value.startswith("public") for _, value in found.headers):
        return found
    tag = f'"{crc32(asked.host.encode() + path.encode()):08x}"'
    headers = (*found.headers, ("ETag", tag), ("Last-Modified", formatdate(CHANGED_AT_S, usegmt=True)))
    has_it = asked.headers.get("if-none-match") == tag or (
        "if-none-match" not in asked.headers and "if-modified-since" in asked.headers
    )
    return Answer(304, headers) if has_it else Answer(200, headers, found.body)


def _plain(status: int, text: str) -> Answer:
    return Answer(status, (("Content-Type", "text/plain; charset=utf-8"),), text.encode())


def _redirect(status: int, target: str) -> Answer:
    return Answer(status, (("Location", target),))
