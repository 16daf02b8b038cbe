"""Composed requests list their headers as the recorded browser did."""

from __future__ import annotations

import pytest

from capture_agent.events import HttpEvent
from sample_traffic.browsers import human_browsers
from sample_traffic.header_sets import Browser, Engine
from sample_traffic.recorded import load_recording
from sample_traffic.sites import Kind

RECORDING = load_recording()
BROWSERS = {browser.name: browser for browser in human_browsers(RECORDING)}
SITE_LANGUAGES = ("de-DE", "de")
ONLY_HTTP1, ONLY_HTTP2 = {"connection"}, {"priority"}
"""Connection belongs to HTTP/1.1; Chromium 156 sends Priority over HTTP/2 only."""


def recorded(method: str, uri: str, *names: str) -> HttpEvent:
    """The request of the HTTP/1.1 recording with this target and these headers."""
    for event in RECORDING["chromium-resuming"].requests:
        sent = {name.lower() for name, _ in event.headers}
        if (event.method, event.unparsed_uri) == (method, uri) and sent.issuperset(names):
            return event
    raise LookupError(uri)


def order(headers: tuple[tuple[str, str | None], ...]) -> list[str]:
    names = [name.lower() for name, _ in headers]
    return [name for name in names if name not in ONLY_HTTP1 | ONLY_HTTP2 | {"host"}]


CASES = {
    "a link followed with a cookie": (
        recorded("GET", "/second", "cookie"),
        Kind.NAVIGATE,
        {"referer": "https://shop.test/", "cookies": True},
    ),
    "a style sheet asked for again": (
        recorded("GET", "/s.css", "if-none-match"),
        Kind.STYLE,
        {"referer": "https://shop.test/second", "cookies": True, "validator": '"x1"'},
    ),
    "a script": (
        recorded("GET", "/a.js", "cookie"),
        Kind.SCRIPT,
        {"referer": "https://shop.test/", "cookies": True},
    ),
    "an image": (
        recorded("GET", "/i.png", "cookie"),
        Kind.IMAGE,
        {"referer": "https://shop.test/", "cookies": True},
    ),
    "an icon": (
        recorded("GET", "/favicon.ico", "cookie"),
        Kind.ICON,
        {"referer": "https://shop.test/", "cookies": True},
    ),
    "a call by a script": (
        recorded("GET", "/api/cart", "cookie"),
        Kind.FETCH,
        {"referer": "https://shop.test/", "cookies": True},
    ),
    "a form sent": (
        recorded("POST", "/login"),
        Kind.NAVIGATE,
        {"referer": "https://shop.test/second", "cookies": True, "posted_bytes": 7},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_chromium_composes_what_chromium_sent(case: str) -> None:
    event, kind, details = CASES[case]
    composed = BROWSERS["chromium156-linux"].headers(kind, host="shop.test", languages=("en-US",), **details)
    assert order(composed) == order(event.headers)
    ours = {name.lower(): value for name, value in composed}
    theirs = {name.lower(): value for name, value in event.headers}
    for name in (
        "accept",
        "accept-language",
        "accept-encoding",
        "referer",
        "sec-fetch-mode",
        "sec-fetch-dest",
    ):
        assert ours[name] == theirs[name]


def value_of(browser: Browser, kind: Kind, name: str) -> str:
    return dict(browser.headers(kind, host="shop.test", languages=SITE_LANGUAGES)).get(name) or ""


@pytest.mark.parametrize("browser", BROWSERS.values(), ids=BROWSERS.keys())
def test_client_hints_agree_with_the_user_agent_in_every_kind_of_request(browser: Browser) -> None:
    agents = {value_of(browser, kind, "User-Agent") for kind in Kind}
    assert len(agents) == 1
    agent = agents.pop()
    for kind in Kind:
        platform = value_of(browser, kind, "Sec-Ch-Ua-Platform").strip('"')
        if browser.engine is not Engine.CHROMIUM:
            assert platform == ""
            continue
        assert {"Windows": "Windows NT", "macOS": "Mac OS X", "Linux": "X11; Linux", "Android": "Android"}[
            platform
        ] in agent
        assert ("Mobile" in agent) == (value_of(browser, kind, "Sec-Ch-Ua-Mobile") == "?1")
        major = agent.split("Chrome/")[1].split(".")[0]
        assert f'"Chromium";v="{major}"' in value_of(browser, kind, "Sec-Ch-Ua")


@pytest.mark.parametrize(("name", "expected"), [
    ("chrome156-windows", "de-DE,de;q=0.9,en-US;q=0.8,en;q=0.7"),
    ("firefox153-windows", "de,en-US;q=0.9,en;q=0.8"),
    ("firefox135-windows", "de,en-US;q=0.7,en;q=0.3"),
    ("safari184_ios", "de-DE,de;q=0.9"),
])  # fmt: skip
def test_languages_are_written_as_each_engine_writes_them(name: str, expected: str) -> None:
    assert value_of(BROWSERS[name], Kind.NAVIGATE, "Accept-Language") == expected
