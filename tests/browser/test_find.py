"""The search box in the header of every page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def box(page: Page) -> Any:
    return page.get_by_role("search").locator("input:visible")


def test_the_slash_key_leads_to_what_is_typed_and_the_range_goes_along(
    visit: Callable[..., Any], day_origin: str, mart_tables: Any
) -> None:
    seen = visit(day_origin)
    page = seen.open("/sensors?range=7d")
    page.keyboard.press("/")
    expect(box(page)).to_be_focused()
    page.keyboard.type(mart_tables.CURL.ja4)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ja4/{mart_tables.CURL.ja4}?range=7d")
    seen.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text(mart_tables.CURL.ja4)


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("203.0.113.44", "/ip/203.0.113.44"),
        ("shop.test", "/host/shop.test"),
        ("AS64500", "/asn/64500"),
    ],
)
def test_each_thing_has_its_page(typed: str, path: str, visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    box(page).fill(typed)
    box(page).press("Enter")
    page.wait_for_url(f"**{path}")


def test_a_query_is_asked_of_the_requests(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/models")
    box(page).fill("status:404 -host:shop.test")
    box(page).press("Enter")
    page.wait_for_url("**/requests?q=*")
    assert parse_qs(urlsplit(page.url).query)["q"] == ["status:404 -host:shop.test"]
    seen.settle()
    assert set(page.locator('.tabulator-cell[tabulator-field="status"]').all_inner_texts()) == {"404"}


def test_a_phone_has_the_box_above_the_page(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin, width=390, height=844).open("/")
    box(page).fill("shop.test")
    box(page).press("Enter")
    page.wait_for_url("**/host/shop.test")


def test_the_s_key_leads_to_the_filter_of_the_table(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/requests")
    page.keyboard.press("s")
    expect(page.locator(".query-box").get_by_role("combobox")).to_be_focused()
