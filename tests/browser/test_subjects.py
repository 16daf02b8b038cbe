"""The pages of an address and a host in a browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def kpi(page: Page, name: str) -> int:
    shown = page.get_by_role("group", name=name, exact=True).locator(".value").inner_text()
    return int("".join(filter(str.isdigit, shown)))


def requests_of(dsn: str, column: str, value: str, now: datetime) -> int:
    question = "select sum(requests) from fct_request_minute where toString(COLUMN) = {value:String}"
    with clickhouse_connect.get_client(dsn=dsn) as client:
        return int(
            client.query(
                question.replace("COLUMN", column) + " and minute >= {since:DateTime64(6)}",
                parameters={"value": value, "since": now - timedelta(hours=168)},
            ).result_rows[0][0]
        )


def test_an_address_shows_its_requests_and_entities(
    visit: Callable[..., Any], day_origin: str, day_dsn: str, now: datetime
) -> None:
    seen = visit(day_origin, height=1600)
    page = seen.open("/alerts?range=7d")
    page.locator('.tabulator-cell[tabulator-field="client_ip"] a').first.click()
    page.wait_for_url("**/ip/*")
    seen.settle()
    address = page.get_by_role("heading", level=1).inner_text()
    page = seen.open(f"/ip/{address}?range=7d")
    text = address if ":" in address else f"::ffff:{address}"
    assert kpi(page, "Requests") == requests_of(day_dsn, "client_ip", text, now)
    assert page.locator(".kpi").count() == 8
    clients = page.locator(".tabulator").nth(1).locator('.tabulator-cell[tabulator-field="client_ip"]')
    assert set(clients.all_inner_texts()) == {address}


def test_a_host_is_reached_from_the_overview_and_lists_its_visitors(
    visit: Callable[..., Any], day_origin: str, day_dsn: str, now: datetime
) -> None:
    seen = visit(day_origin, height=1600)
    page = seen.open("/?range=7d")
    page.locator(".bar-row a.name", has_text="api.shop.test").click()
    page.wait_for_url("**/host/api.shop.test?range=7d")
    seen.settle()
    assert kpi(page, "Requests") == requests_of(day_dsn, "host", "api.shop.test", now)
    expect(page.locator('.tabulator-cell[tabulator-field="client_ip"] a').first).to_be_visible()


def test_a_mapped_address_is_the_ipv4_address(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/ip/::ffff:203.0.113.44")
    expect(page.get_by_role("heading", level=1)).to_have_text("203.0.113.44")


def test_text_that_is_no_address_is_told_apart(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/ip/not-an-address")
    expect(page.get_by_text("This is not an IP address")).to_be_visible()


def test_a_host_never_seen_says_so(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/host/nowhere.test")
    expect(page.get_by_text("No requests in this range").first).to_be_visible()
