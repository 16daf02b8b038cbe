"""The overview in a browser: figures equal the database, and every control does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
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


def cells(page: Page, field: str) -> list[str]:
    return page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').all_inner_texts()


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
    assert len(cells(page, "client_ip")) == hostile


def test_verdicts_carry_word_and_shape(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    chips = page.locator(".tabulator-row .chip")
    assert set(chips.all_inner_texts()) == {"Bad bot", "Suspicious"}
    assert chips.locator("svg path").count() == chips.count()


def test_sorting_asks_the_database_and_stays_in_the_url(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/")
    largest = cells(page, "requests")[0]
    page.locator('.tabulator-col[tabulator-field="requests"]').click()
    page.wait_for_url("**/?sort=requests&dir=asc")
    expect(page.locator('.tabulator-col[tabulator-field="requests"]')).to_have_attribute(
        "aria-sort", "ascending"
    )
    first = page.locator('.tabulator-row .tabulator-cell[tabulator-field="requests"]').first
    expect(first).not_to_have_text(largest)
    figures = [digits(text) for text in cells(page, "requests")]
    assert figures == sorted(figures)
    again = seen.open("/?sort=requests&dir=asc")
    assert [digits(text) for text in cells(again, "requests")] == figures


def test_filter_narrows_and_an_empty_result_says_what_was_asked(
    visit: Callable[..., Any], day_origin: str
) -> None:
    page = visit(day_origin).open("/")
    page.get_by_placeholder("Filter").fill("ApacheBench")
    page.get_by_placeholder("Filter").press("Enter")
    page.wait_for_url("**/?q=ApacheBench")
    expect(page.locator(".tabulator-row .chip", has_text="Suspicious")).to_have_count(0)
    expect(page.locator(".tabulator-row .chip", has_text="Bad bot")).not_to_have_count(0)
    page.get_by_placeholder("Filter").fill("no such thing")
    page.get_by_placeholder("Filter").press("Enter")
    empty = page.get_by_role("status").filter(has_text="Nothing matches")
    expect(empty).to_contain_text("containing “no such thing”")


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


def test_a_row_opens_the_evidence_and_leads_to_the_fingerprint(
    visit: Callable[..., Any], day_origin: str
) -> None:
    seen = visit(day_origin)
    page = seen.open("/")
    page.locator('.tabulator-row .tabulator-cell[tabulator-field="reason"]').first.click()
    evidence = page.locator(".evidence")
    expect(evidence).to_contain_text("ua_ja4_known_mismatch")
    expect(evidence).to_contain_text("Why this score")
    fingerprint = evidence.locator("dd .mono").nth(1).inner_text()
    evidence.get_by_role("link", name="Open the JA4 page").click()
    page.wait_for_url(f"**/ja4/{fingerprint}")
    seen.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text(fingerprint)


def test_every_link_of_the_page_leads_somewhere(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    targets = {link.get_attribute("href") for link in page.locator("a[href]").all()}
    assert {"/", "/fingerprints"} <= targets
    for target in sorted(target for target in targets if target):
        answer = page.request.get(day_origin + target)
        assert answer.status == 200, target


@pytest.mark.parametrize("width", [390, 1280, 1920])
@pytest.mark.parametrize(
    "path", ["/", "/?range=custom&from=1795291200&to=1795314600"], ids=["live", "zoomed"]
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
