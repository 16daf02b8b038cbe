"""The queue in the order that labels teach."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Locator, Page, expect

from soc_dashboard.store.database import SHARED_S

pytestmark = pytest.mark.browser


def clients(page: Page) -> list[str]:
    return page.locator('.tabulator-row .tabulator-cell[tabulator-field="client_ip"]').all_inner_texts()


@pytest.fixture
def taught(day_dsn: str, now: datetime) -> Iterator[str]:
    """A rank for the alert that is least suspicious of all, and none for others; gives its client."""
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        hour, client_ip, ja4, host = client.query(
            "select argMax(hour, suspicion) as at, client_ip, ja4_stable, host from fct_alert"
            " where hour >= toStartOfHour(now64(6) - interval 24 hour)"
            " group by client_ip, ja4_stable, host order by max(suspicion), sum(requests) limit 1"
        ).first_row
        client.insert(
            "fct_review_rank",
            [[hour, client_ip, ja4, host, 0.9, 42, "forest", "7", now - timedelta(minutes=5)]],
            column_names=[
                "hour",
                "client_ip",
                "ja4_stable",
                "host",
                "review_score",
                "labels_used",
                "model_name",
                "model_version",
                "computed_at",
            ],
        )
        yield str(client_ip.ipv4_mapped or client_ip)
        client.command("truncate table fct_review_rank")


def order(page: Page) -> Locator:
    """The second choice of the bar, after the verdict; its label names it to the eye alone."""
    return page.locator(".table-bar").get_by_role("combobox").nth(1)


def choose(page: Page, wanted: str) -> None:
    order(page).click()
    page.get_by_role("menuitem", name=wanted).click()


def test_the_taught_order_puts_what_labels_point_at_first_and_says_what_it_is(
    visit: Callable[..., Any], day_origin: str, taught: str
) -> None:
    seen = visit(day_origin, height=1200)
    page = seen.open("/alerts")
    usual = clients(page)
    choose(page, "What labels teach first")
    page.wait_for_url("**/alerts?sort=review")
    note = page.locator(".order-note")
    expect(note).to_contain_text("Learnt from 42 labelled hours of entities")
    expect(note).to_contain_text("forest 7")
    first = page.locator('.tabulator-row .tabulator-cell[tabulator-field="client_ip"]').first
    expect(first).to_have_text(taught)
    assert sorted(clients(page)) == sorted(usual)
    page.locator('.tabulator-row .tabulator-cell[tabulator-field="reason"]').first.click()
    drawer = page.locator(".MuiDrawer-anchorRight .MuiDrawer-paper")
    expect(drawer).to_contain_text("Review order")
    expect(drawer).to_contain_text("0.900")


def test_the_address_holds_the_order_and_another_choice_leaves_it(
    visit: Callable[..., Any], day_origin: str, taught: str
) -> None:
    seen = visit(day_origin, height=1200)
    page = seen.open("/alerts?sort=review")
    assert clients(page)[0] == taught
    choose(page, "Most suspicious first")
    page.wait_for_url("**/alerts")
    expect(page.locator(".order-note")).to_be_hidden()
    page.locator('.tabulator-col[tabulator-field="requests"]').click()
    page.wait_for_url("**/alerts?sort=requests**")
    expect(order(page)).to_contain_text("By a column")


def test_without_labels_it_says_that_nothing_taught_an_order(
    visit: Callable[..., Any], day_origin: str
) -> None:
    time.sleep(SHARED_S)  # so that no reading of a page before is shared
    page = visit(day_origin).open("/alerts?sort=review")
    expect(page.locator(".order-note")).to_contain_text("No label has taught an order")
    expect(page.locator(".tabulator-row").first).to_be_visible()
