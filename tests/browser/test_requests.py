"""The log explorer in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def column(page: Page, name: str) -> Any:
    return page.locator(f'.tabulator-cell[tabulator-field="{name}"]')


def test_a_query_in_the_url_filters_the_log(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin, height=2000).open("/requests?q=status:404+host:shop.test")
    expect(column(page, "status")).not_to_have_count(0)
    assert set(column(page, "status").all_inner_texts()) == {"404"}
    assert set(column(page, "host").all_inner_texts()) == {"shop.test"}
    expect(page.locator(".query-box").get_by_role("combobox")).to_have_value("status:404 host:shop.test")


def test_a_typed_query_filters_and_goes_into_the_url(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin, height=2000).open("/requests")
    box = page.locator(".query-box").get_by_role("combobox")
    box.fill("verdict:suspicious method:POST")
    box.press("Enter")
    page.wait_for_url("**q=verdict*")
    expect(column(page, "method").filter(has_text="GET")).to_have_count(0)
    expect(column(page, "method").first).to_have_text("POST")


def test_field_names_are_offered(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/requests")
    page.locator(".query-box").get_by_role("combobox").press_sequentially("-ver")
    expect(page.get_by_role("option", name="-verdict:", exact=True)).to_be_visible()


def test_a_mistake_is_named_and_the_next_query_works(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin, height=2000).open("/requests?q=status:many")
    expect(page.get_by_text("This query cannot be understood").first).to_be_visible()
    box = page.locator(".query-box").get_by_role("combobox")
    box.fill("status:304")
    box.press("Enter")
    expect(column(page, "status").first).to_have_text("304")


def test_a_request_opens_whole_and_its_values_lead_on(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin, height=1200)
    page = seen.open("/requests?range=7d&q=ua:curl")
    address = column(page, "client_ip").first.inner_text()
    column(page, "path").first.click()
    card = page.locator(".evidence")
    expect(card).to_contain_text(address)
    expect(card.locator(".chip")).to_have_text("Suspicious")
    card.get_by_role("link", name=f"Only ip {address}").click()
    page.wait_for_url("**/requests?**ip**")
    asked = parse_qs(urlsplit(page.url).query)
    assert asked["range"] == ["7d"]
    assert asked["q"] == [f"ua:curl ip:{address}"]
    seen.settle()
    assert set(column(page, "client_ip").all_inner_texts()) == {address}


def test_nothing_found_says_what_was_asked(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/requests?q=host:nowhere.test")
    expect(page.get_by_text("for “host:nowhere.test”").first).to_be_visible()
