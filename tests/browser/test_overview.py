"""The overview in a browser: figures equal the database, and every control does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

REQUESTS_OF_A_DAY = "select sum(requests) from fct_request_minute where minute >= now64(6) - interval 24 hour"


def scalar(dsn: str, sql: str) -> Any:
    with clickhouse_connect.get_client(dsn=dsn) as client:
        return client.query(sql).first_row[0]


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def kpi(page: Page, label: str) -> str:
    return page.get_by_role("group", name=label, exact=True).locator(".value").inner_text()


def brush(page: Page) -> None:
    """Drag over the middle third of the timeline."""
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=8)
    page.mouse.up()


def test_key_figures_equal_the_database(visit: Callable[..., Any], day_origin: str, day_dsn: str) -> None:
    page = visit(day_origin).open("/")
    counted = scalar(day_dsn, REQUESTS_OF_A_DAY)
    # The page and this query read "now" a few seconds apart, so at most one minute leaves the window.
    assert digits(kpi(page, "Requests")) == pytest.approx(counted, rel=0.01)
    hostile = scalar(
        day_dsn,
        "select uniqExact(client_ip, ja4_stable, host) from fct_entity_verdict"
        " where verdict in ('suspicious', 'bad_bot') and hour >= toStartOfHour(now64(6) - interval 24 hour)",
    )
    assert f"of {hostile}" in page.get_by_role("group", name="New suspicious entities").inner_text()
    assert page.locator(".attention .chip.bad_bot").count() > 0


def test_campaigns_and_alerts_that_wait_are_listed_each_with_its_sentence(
    visit: Callable[..., Any], day_origin: str, mart_tables: Any
) -> None:
    seen = visit(day_origin)
    page = seen.open("/")
    lines = page.locator(".attention li")
    expect(lines.first).to_contain_text("ApacheBench's handshake claim Chrome")
    kinds = lines.locator(".chip").all_inner_texts()
    assert kinds == sorted(kinds, key=["Campaign", "Bad bot", "Suspicious"].index)
    assert "tried the shop's hosts" not in page.locator(".attention").inner_text()
    expect(page.locator(".attention .new")).to_have_count(0)
    lines.filter(has_text="Bad bot").first.locator("> a").click()
    page.wait_for_url("**/alerts?q=ip*")
    seen.settle()
    assert set(page.locator('.tabulator-row [tabulator-field="verdict"]').all_inner_texts()) == {"Bad bot"}


def test_what_came_since_the_last_visit_is_marked_as_new(
    visit: Callable[..., Any], day_origin: str, now: datetime
) -> None:
    seen = visit(day_origin)
    looked = int((now - timedelta(hours=30)).timestamp())
    seen.page.context.add_cookies([{"name": "ja4_active", "value": str(looked), "url": day_origin}])
    page = seen.open("/")
    expect(page.get_by_text("new since you looked 30")).to_be_visible()
    expect(page.locator(".attention .new").first).to_be_visible()


def test_brush_zooms_and_can_be_undone(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    figure = page.get_by_role("group", name="Requests", exact=True).locator(".value")
    everything = figure.inner_text()
    for _ in range(5):
        # The chart takes a brush only once it is drawn completely, which nothing on the page tells.
        page.wait_for_timeout(500)
        brush(page)
        page.wait_for_timeout(500)
        if "range=custom" in page.url:
            break
    page.wait_for_url("**/?range=custom&from=*&to=*")
    expect(figure).not_to_have_text(everything)
    assert 0 < digits(figure.inner_text()) < digits(everything)
    page.get_by_role("button", name="Back to the range before the zoom").click()
    page.wait_for_url(day_origin + "/")


def test_every_link_of_the_page_leads_somewhere(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    targets = {link.get_attribute("href") for link in page.locator("a[href]").all()}
    assert {"/", "/alerts", "/campaigns", "/fingerprints", "/sensors"} <= targets
    for target in sorted(target for target in targets if target):
        answer = page.request.get(day_origin + target)
        assert answer.status == 200, target


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize(
    "path",
    ["/", "/?range=custom&from=1795291200&to=1795314600", "/alerts", "/audit"],
    ids=["live", "zoomed", "alerts", "audit"],
)
def test_page_fits_its_width(visit: Callable[..., Any], day_origin: str, width: int, path: str) -> None:
    page = visit(day_origin, width=width).open(path)
    last = page.get_by_role("button", name="Light or dark").bounding_box()
    assert last is not None
    assert last["x"] + last["width"] <= width
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0


def test_theme_is_kept_over_visits(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin, theme="dark")
    page = seen.open("/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    seen.open("/fingerprints")
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


def test_empty_marts_say_that_nothing_was_recorded(visit: Callable[..., Any], empty_origin: str) -> None:
    page = visit(empty_origin).open("/")
    expect(page.get_by_text("Nothing was recorded yet.")).to_be_visible()
    assert kpi(page, "Bot share") == "–"


def test_a_failed_read_offers_a_retry(
    visit: Callable[..., Any], start_dashboard: Callable[[str], str], now: datetime
) -> None:
    origin = start_dashboard("http://ja4:x@127.0.0.1:1/none")
    seen = visit(origin)
    seen.page.goto(origin)
    expect(seen.page.get_by_role("alert")).to_contain_text("Could not read", timeout=30_000)
    expect(seen.page.get_by_role("button", name="Try again")).to_be_visible()
