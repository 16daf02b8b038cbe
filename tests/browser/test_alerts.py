"""The review queue in a browser: who waits, why, and what an analyst decides about one or many."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

DRAWER = ".MuiDrawer-anchorRight .MuiDrawer-paper"


@pytest.fixture(autouse=True)
def undecided(day_dsn: str) -> Iterator[None]:
    """Leave no label behind."""
    yield
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client.command("truncate table analyst_labels")
        client.command("truncate table audit_log")


def rows_of(dsn: str, sql: str) -> list[tuple[Any, ...]]:
    with clickhouse_connect.get_client(dsn=dsn) as client:
        return list(client.query(sql).result_rows)


def digits(text: str) -> int:
    return int(re.sub(r"\D", "", text))


def cells(page: Page, field: str) -> list[str]:
    return page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').all_inner_texts()


def test_the_queue_is_the_undecided_entities_worst_first(
    visit: Callable[..., Any], day_origin: str, day_dsn: str
) -> None:
    page = visit(day_origin, height=1200).open("/alerts")
    ((waiting,),) = rows_of(
        day_dsn,
        "select uniqExact(client_ip, ja4_stable, host) from fct_entity_verdict"
        " where verdict in ('suspicious', 'bad_bot') and hour >= toStartOfHour(now64(6) - interval 24 hour)",
    )
    verdicts = cells(page, "verdict")
    assert len(verdicts) == waiting > 0
    assert verdicts == sorted(verdicts, key=["Bad bot", "Suspicious"].index)
    assert cells(page, "reason")[0].startswith("The user agent claims Chrome")


def test_verdicts_carry_word_and_shape(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/alerts")
    chips = page.locator(".tabulator-row .chip")
    assert set(chips.all_inner_texts()) == {"Bad bot", "Suspicious"}
    assert chips.locator("svg path").count() == chips.count()


def test_sorting_asks_the_database_and_stays_in_the_url(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/alerts")
    largest = cells(page, "requests")[0]
    page.locator('.tabulator-col[tabulator-field="requests"]').click()
    page.wait_for_url("**/alerts?sort=requests&dir=asc")
    expect(page.locator('.tabulator-col[tabulator-field="requests"]')).to_have_attribute(
        "aria-sort", "ascending"
    )
    first = page.locator('.tabulator-row .tabulator-cell[tabulator-field="requests"]').first
    expect(first).not_to_have_text(largest)
    figures = [digits(text) for text in cells(page, "requests")]
    assert figures == sorted(figures)
    again = seen.open("/alerts?sort=requests&dir=asc")
    # Rows are drawn once more when the order is known: wait for all of them.
    expect(again.locator('.tabulator-row .tabulator-cell[tabulator-field="requests"]')).to_have_count(
        len(figures)
    )
    assert [digits(text) for text in cells(again, "requests")] == figures


def test_filter_narrows_and_an_empty_result_says_what_was_asked(
    visit: Callable[..., Any], day_origin: str
) -> None:
    page = visit(day_origin).open("/alerts")
    page.get_by_placeholder("Filter").fill("ApacheBench")
    page.get_by_placeholder("Filter").press("Enter")
    page.wait_for_url("**/alerts?q=ApacheBench")
    expect(page.locator(".tabulator-row .chip", has_text="Suspicious")).to_have_count(0)
    expect(page.locator(".tabulator-row .chip", has_text="Bad bot")).not_to_have_count(0)
    page.get_by_placeholder("Filter").fill("no such thing")
    page.get_by_placeholder("Filter").press("Enter")
    empty = page.get_by_role("status").filter(has_text="Nothing matches")
    expect(empty).to_contain_text("for “no such thing”")


def test_a_row_opens_the_evidence_and_leads_to_the_fingerprint(
    visit: Callable[..., Any], day_origin: str
) -> None:
    seen = visit(day_origin)
    page = seen.open("/alerts")
    page.locator('.tabulator-row .tabulator-cell[tabulator-field="reason"]').first.click()
    evidence = page.locator(".evidence").first
    expect(evidence).to_contain_text("ua_ja4_known_mismatch")
    expect(evidence).to_contain_text("Why this score")
    fingerprint = evidence.locator("dd .mono").nth(1).inner_text()
    evidence.get_by_role("link", name="Open the JA4 page").click()
    page.wait_for_url(f"**/ja4/{fingerprint}")
    seen.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text(fingerprint)


def test_what_alerts_have_in_common_narrows_the_queue(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/alerts?range=7d")
    page.get_by_title("Only decided by: ua_ja4_known_mismatch").click()
    page.wait_for_url("**/alerts?range=7d&q=rule*")
    seen.settle()
    assert set(cells(page, "verdict")) == {"Bad bot"}
    page.get_by_title("Any decided by: ua_ja4_known_mismatch").click()
    page.wait_for_url("**/alerts?range=7d")


def test_many_are_previewed_classified_and_taken_back_by_keys(
    visit: Callable[..., Any], day_origin: str, day_dsn: str
) -> None:
    seen = visit(day_origin, height=1200)
    page = seen.open("/alerts")
    requests = sum(digits(text) for text in cells(page, "requests")[:2])
    for key in ("j", "x", "j", "x"):
        page.keyboard.press(key)
        page.wait_for_timeout(200)
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.keyboard.press("c")
    drawer = page.locator(DRAWER)
    drawer.get_by_role("button", name="Good bot").click()
    touched = drawer.get_by_text("Touches 2 entities")
    expect(touched).to_be_visible()
    assert requests == digits(re.findall(r"with (.*?) requests", touched.inner_text())[0])
    expect(drawer.get_by_text("Touches 1 campaign")).to_be_visible()
    drawer.get_by_label("Note").fill("our own load test")
    drawer.get_by_label("Note").press("Tab")
    drawer.get_by_role("button", name="Save label").click()
    said = page.locator(".bulk-said")
    expect(said).to_contain_text("and 1 more are Good bot")
    given = rows_of(day_dsn, "select label, note, scope from dim_label where is_active")
    assert given == [("good_bot", "our own load test", "entity")] * 2
    expect(drawer).not_to_be_visible()
    page.keyboard.press("u")
    expect(said).to_contain_text("and 1 more are no longer Good bot")
    assert rows_of(day_dsn, "select count() from dim_label where is_active") == [(0,)]
    actions = rows_of(day_dsn, "select action, user from audit_log order by at")
    assert actions == [("label", "ada")] * 2 + [("revoke", "ada")] * 2


def test_a_tick_outlives_sorting_and_a_label_button_chooses(
    visit: Callable[..., Any], day_origin: str
) -> None:
    page = visit(day_origin, height=1200).open("/alerts")
    page.locator('.tabulator-row input[type="checkbox"]').last.click()
    expect(page.get_by_text("1 selected")).to_be_visible()
    page.locator('.tabulator-col[tabulator-field="requests"]').click()
    page.wait_for_url("**/alerts?sort=requests*")
    expect(page.locator(".tabulator-row.tabulator-selected")).to_have_count(1)
    page.locator(".bulk-bad_bot button").click()
    drawer = page.locator(DRAWER)
    expect(drawer.get_by_role("button", name="Bad bot")).to_have_attribute("aria-pressed", "true")
    expect(drawer.get_by_role("button", name="Save label")).to_be_enabled()


def test_labelling_people_as_bots_names_them(
    visit: Callable[..., Any], day_origin: str, mart_tables: Any
) -> None:
    page = visit(day_origin, height=1600).open(f"/ja4/{mart_tables.CHROMIUM.ja4}")
    page.locator('.triage input[type="checkbox"]').nth(1).click()
    page.locator(".bulk-bad_bot button").click()
    drawer = page.locator(DRAWER)
    drawer.get_by_role("combobox").first.click()
    page.get_by_role("menuitem", name="Everyone with this JA4").click()
    warning = drawer.locator(".warning")
    expect(warning).to_contain_text("judged human now")
    expect(warning.locator("li")).to_have_count(5)


def test_empty_marts_say_what_was_asked(visit: Callable[..., Any], empty_origin: str) -> None:
    page = visit(empty_origin).open("/alerts")
    expect(page.get_by_role("status").filter(has_text="Nothing matches")).to_be_visible()
