"""Campaigns in a browser: the list, and the page of one."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import Page, expect
from pyarrow.parquet import read_table

pytestmark = pytest.mark.browser

BENCH = "Cbench7f3a91"


def cells(page: Page, field: str) -> list[str]:
    return page.locator(f'.tabulator-row .tabulator-cell[tabulator-field="{field}"]').all_inner_texts()


def test_the_list_leads_to_the_campaign(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    page = seen.open("/campaigns")
    assert cells(page, "campaign_id") == [BENCH, "Cscrape04d2e", "Cearly55aa10"]
    assert cells(page, "status") == ["Active", "Active", "Merged"]
    page.get_by_role("link", name="ApacheBench's handshake claim Chrome").click()
    page.wait_for_url(f"**/cluster/{BENCH}")
    seen.settle()
    expect(page.get_by_role("heading", level=1)).to_have_text(BENCH)


def test_the_list_is_filtered_by_state(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/campaigns?status=merged")
    assert cells(page, "campaign_id") == ["Cearly55aa10"]


def test_the_page_shows_what_its_members_did(
    visit: Callable[..., Any], day_origin: str, day_dsn: str, mart_tables: Any
) -> None:
    page = visit(day_origin, height=2600).open(f"/cluster/{BENCH}?range=7d")
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        requests, members = client.query(
            "select sum(requests), uniqExact(client_ip, host) from fct_entity_verdict"
            " where ja4_stable = {ja4:String}",
            parameters={"ja4": mart_tables.APACHE_BENCH.ja4},
        ).first_row
    shown = page.get_by_role("group", name="Requests", exact=True).locator(".value").inner_text()
    assert int("".join(filter(str.isdigit, shown))) == requests
    assert page.locator(".kpi").count() == 8
    table = page.locator(".tabulator").first
    expect(table.locator(".tabulator-row")).to_have_count(members)
    expect(page.get_by_text("load every page of 3 hosts")).to_be_visible()
    for title in ("Fingerprints", "Networks", "Hosts"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    expect(page.locator(".life")).to_contain_text("was born")
    expect(page.locator(".life").get_by_role("link", name="Cearly55aa10")).to_be_visible()
    page.locator('.triage input[type="checkbox"]').first.click()
    expect(page.get_by_text(f"{members} selected")).to_be_visible()


def test_a_merged_campaign_leads_to_where_it_went_on(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/cluster/Cearly55aa10")
    page.locator(".facts").get_by_role("link", name=BENCH).click()
    page.wait_for_url(f"**/cluster/{BENCH}")


def test_a_campaign_never_found_says_so(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/cluster/Cnowhere")
    expect(page.get_by_text("There is no such campaign")).to_be_visible()


def test_members_and_charts_are_saved(visit: Callable[..., Any], day_origin: str, tmp_path: Path) -> None:
    page = visit(day_origin, height=2000).open(f"/cluster/{BENCH}?range=7d")
    members = page.locator(".tabulator").first.locator(".tabulator-row").count()
    page.get_by_role("button", name="Export entities").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    waiting.value.save_as(tmp_path / "members.csv")
    rows = list(csv.DictReader((tmp_path / "members.csv").read_text("utf-8").splitlines()))
    assert len(rows) == members > 0
    assert len({row["ja4_stable"] for row in rows}) == 1
    for title in ("Requests over time", "Verdicts"):
        with page.expect_download() as waiting:
            page.get_by_role("button", name=f"Save {title} as PNG").click()
        assert Path(waiting.value.path()).read_bytes().startswith(b"\x89PNG")


def test_the_list_is_saved_as_it_is_filtered(
    visit: Callable[..., Any], day_origin: str, day_dsn: str
) -> None:
    page = visit(day_origin).open("/campaigns?status=alive&range=7d")
    page.get_by_role("button", name="Export campaigns").click()
    expect(page.get_by_role("dialog", name="Export")).to_contain_text("all 2 rows")
    saved = {}
    for kind in ("CSV", "Parquet"):
        if not page.get_by_role("dialog", name="Export").is_visible():
            page.get_by_role("button", name="Export campaigns").click()
        with page.expect_download() as waiting:
            page.get_by_role("link", name=kind).click()
        saved[kind] = Path(waiting.value.path())
    rows = list(csv.DictReader(saved["CSV"].read_text("utf-8").splitlines()))
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        stored = client.query(
            "select campaign_id, summary from fct_campaign where status in ('alive', 'seen')"
        ).result_rows
    assert {(row["campaign_id"], row["summary"]) for row in rows} == set(stored)
    assert read_table(saved["Parquet"]).column("campaign_id").to_pylist() == [
        row["campaign_id"] for row in rows
    ]
