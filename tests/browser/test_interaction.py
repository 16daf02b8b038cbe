"""What a person does on every page: filter by a value, choose columns, export, pause, save a view, ask."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def cells(page: Page, field: str) -> list[str]:
    return page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').all_inner_texts()


def test_a_value_filters_in_place_is_left_out_and_opens_its_page(
    visit: Callable[..., Any], day_origin: str
) -> None:
    seen = visit(day_origin)
    page = seen.open("/requests")
    hosts = page.locator('.tabulator-cell[tabulator-field="host"]')
    api, www = hosts.filter(has_text="api.shop.test"), hosts.filter(has_text="www.shop.test")
    api.first.click(button="right")
    page.get_by_role("button", name="Only host api.shop.test").click()
    page.wait_for_url("**/requests?q=host*")
    expect(www).to_have_count(0)
    expect(api.first).to_be_visible()
    api.first.click(button="right")
    page.get_by_role("button", name="Without host api.shop.test").click()
    expect(www.first).to_be_visible()
    expect(api).to_have_count(0)
    address = page.locator('.tabulator-cell[tabulator-field="client_ip"]').first
    shown = address.inner_text()
    address.click(button="right")
    page.get_by_role("link", name=f"Open the page of {shown}").click()
    page.wait_for_url(f"**/ip/{shown.replace(':', '%3A')}")


def test_keys_move_open_and_explain_themselves(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/fingerprints")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Pause or resume")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("j")
    second = page.locator(".tabulator-row").nth(1)
    expect(second).to_have_class(re.compile(r"\bcursor\b"))
    fingerprint = second.locator('[tabulator-field="ja4_stable"]').inner_text()
    page.keyboard.press("o")
    page.wait_for_url(f"**/ja4/{fingerprint}")
    seen.settle()
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/requests")


def test_columns_are_chosen_and_stay_in_the_address(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/requests")
    assert cells(page, "protocol")
    page.get_by_role("button", name="Columns of requests").click()
    page.get_by_role("checkbox", name="Protocol").uncheck()
    page.wait_for_url("**/requests?hide=protocol")
    expect(page.locator('.tabulator-col[tabulator-field="protocol"]')).to_be_hidden()
    again = seen.open("/requests?hide=protocol")
    expect(again.locator('.tabulator-col[tabulator-field="protocol"]')).to_be_hidden()


def test_an_export_has_the_rows_that_match(
    visit: Callable[..., Any], day_origin: str, day_dsn: str, tmp_path: Path
) -> None:
    page = visit(day_origin).open("/requests?q=status:404+host:api.shop.test&range=7d")
    page.get_by_role("button", name="Export requests").click()
    expect(page.get_by_role("dialog", name="Export")).to_contain_text("with all columns")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    waiting.value.save_as(tmp_path / "requests.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "requests.csv").read_text("utf-8"))))
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        counted = client.query(
            "select count() from fct_request where status = 404 and host = 'api.shop.test'"
        ).first_row[0]
    assert len(rows) == counted > 0
    assert {row["status"] for row in rows} == {"404"}


def test_a_chart_is_saved_as_a_picture(visit: Callable[..., Any], day_origin: str, tmp_path: Path) -> None:
    page = visit(day_origin).open("/")
    page.wait_for_timeout(500)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save Requests over time as PNG").click()
    picture = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(picture)
    assert picture.name == "requests-over-time.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_refreshing_is_paused_and_resumed(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    page.get_by_role("button", name="Pause refreshing").click()
    expect(page.locator(".span").first).to_contain_text("paused")
    page.get_by_role("button", name="Refresh again").click()
    expect(page.locator(".span").first).to_contain_text("live")


def test_a_view_is_saved_opened_and_deleted(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/requests?q=status:404")
    page.get_by_role("button", name="Saved views").click()
    page.get_by_label("Name of this view").fill("missing pages")
    page.get_by_role("button", name="Save this view").click()
    expect(page.get_by_text("Saved: missing pages")).to_be_visible()
    page = seen.open("/fingerprints")
    page.keyboard.press("v")
    page.get_by_role("link", name="missing pages").click()
    page.wait_for_url("**/requests?q=status%3A404")
    seen.settle()
    page.keyboard.press("v")
    page.get_by_role("button", name="Delete missing pages").click()
    expect(page.get_by_role("link", name="missing pages")).to_have_count(0)


def test_the_name_of_a_figure_opens_its_explanation(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    page.get_by_role("button", name="Capture loss").click()
    drawer = page.get_by_role("complementary", name="Help")
    expect(drawer.get_by_role("heading", name="Capture loss")).to_be_focused()
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)


def test_the_tour_is_offered_once(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    seen.page.context.clear_cookies(name="ja4_tour")
    page = seen.open("/")
    page.get_by_role("complementary", name="Tour").get_by_role("button", name="Start").click()
    expect(page.get_by_role("dialog", name="Pages")).to_be_visible()
    page.get_by_role("button", name="Next", exact=True).click()
    page.get_by_role("button", name="End", exact=True).click()
    seen.open("/")
    page.wait_for_timeout(3500)
    expect(page.get_by_role("complementary", name="Tour")).to_have_count(0)


def test_addresses_that_lead_nowhere_have_a_page(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    seen.page.goto(f"{day_origin}/nowhere/<script>")
    expect(seen.page.get_by_role("heading", name="There is no such page")).to_be_visible()
    seen.page.get_by_role("link", name="Overview").click()
    seen.settle()
    seen.complaints.clear()


def test_an_admin_sets_a_threshold_and_the_log_has_it(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/settings")
    page.get_by_label("False alarms, at most").fill("0.9")
    page.get_by_label("False alarms, at most").press("Tab")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("from 0.001 to 0.5")
    page.get_by_label("False alarms, at most").fill("0.02")
    page.get_by_label("False alarms, at most").press("Tab")
    page.get_by_label("Why").fill("a quiet night")
    page.get_by_label("Why").press("Tab")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.get_by_text("a quiet night")).to_be_visible()
    page = seen.open("/audit?action=setting")
    details = page.locator('.tabulator-cell[tabulator-field="details"]')
    expect(details.first).to_contain_text("value 0.02")
