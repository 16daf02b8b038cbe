"""The recording's web site answers by address alone, and everything a page names is there."""

from __future__ import annotations

import random
import re

import pytest
from lab.recording.errands import ERRANDS
from lab.recording.site import Asked, answer

from sample_traffic.sites import SITES, Kind, Site

NAMED = re.compile(rb'(?:src|href)="(/[^"]*)"')


def get(host: str, target: str, **headers: str) -> Asked:
    return Asked("GET", host, target, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.host)
def test_what_a_page_names_exists_but_for_dead_links(site: Site) -> None:
    rng = random.Random(4)
    for page in [site.home(), *(site.some_page(rng) for _ in range(12))]:
        found = answer(get(site.host, page.uri))
        assert found.status == 200, page.uri
        named = {uri.decode() for uri in NAMED.findall(found.body)}
        shared = {one.uri for one in site.shared}
        assert shared <= named
        pictures = [one for one in page.resources if one.kind is Kind.IMAGE and one not in site.shared]
        assert sum(uri.startswith("/img/") for uri in named) == len(pictures)
        for uri in named:
            wanted = {301, 404} if uri.startswith("/old") else {200, 301}
            assert answer(get(site.host, uri)).status in wanted, uri


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/robots.txt", 200),
        ("/sitemap.xml", 200),
        ("/.env", 404),
        ("/product/99999", 404),
        ("/product?id=7", 301),
        ("/index.php", 301),
        ("/admin/", 401),
        ("/img/p/3.jpg", 200),
    ],
)
def test_statuses(target: str, status: int) -> None:
    assert answer(get("shop.test", target)).status == status


def test_a_cached_answer_is_confirmed() -> None:
    first = dict(answer(get("shop.test", "/img/p/3.jpg")).headers)
    assert answer(get("shop.test", "/img/p/3.jpg", if_none_match=first["ETag"])).status == 304
    assert answer(get("shop.test", "/img/p/4.jpg", if_none_match=first["ETag"])).status == 200


def test_log_in_takes_one_password() -> None:
    for password, status in (("correct-horse", 303), ("123456", 401)):
        body = f"user=a&password={password}".encode()
        assert answer(Asked("POST", "shop.test", "/login", {}, body)).status == status


@pytest.mark.parametrize("name", sorted(ERRANDS))
@pytest.mark.parametrize("host", [site.host for site in SITES])
def test_errands_ask_for_what_is_there_or_what_scanners_look_for(name: str, host: str) -> None:
    errand = ERRANDS[name](30, host, random.Random(2))
    asked, body = 0, b""
    found = []
    try:
        ask = next(errand)
        while True:
            response = answer(Asked(ask.method, host, ask.path, {}, b""))
            found.append(response.status)
            asked, body = asked + 1, response.body
            ask = errand.send(body)
    except StopIteration:
        pass
    assert asked >= 20
    is_guesser = name in ("probe", "stuff") or (
        name in ("feed", "search", "interface") and host != "shop.test"
    )
    assert is_guesser or found.count(200) + found.count(301) > 0.8 * asked
