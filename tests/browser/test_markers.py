"""Marks above timelines: campaigns and labels, by mouse, keyboard and screen reader."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

BENCH, EARLY = "Cbench7f3a91", "Cearly55aa10"
COLUMNS = ["label_id", "labelled_at", "user", "scope", "client_ip", "ja4", "host", "label", "note"]


@pytest.fixture
def labelled(day_dsn: str, mart_tables: Any, now: datetime) -> Iterator[datetime]:
    """A label of ApacheBench's JA4, three hours old; gives its time."""
    at = now - timedelta(hours=3)
    ja4 = mart_tables.APACHE_BENCH.ja4
    row = [uuid.uuid4(), at, "grace", "ja4_stable", None, ja4, None, "bad_bot", "<b>a load test</b>"]
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client.command("truncate table analyst_labels")
        client.insert("analyst_labels", [row], column_names=COLUMNS)
        yield at
        client.command("truncate table analyst_labels")


def test_a_campaigns_timeline_marks_what_merged_into_it_and_who_labelled_its_members(
    visit: Callable[..., Any], day_origin: str, labelled: datetime
) -> None:
    page = visit(day_origin).open(f"/cluster/{BENCH}?range=24h")
    marks = page.locator(".lane .mark > button")
    expect(marks).to_have_count(2)
    merged, label = (marks.nth(place).get_attribute("aria-label") for place in (0, 1))
    assert f"campaign {EARLY} merged into {BENCH}" in str(merged)
    assert "grace labelled" in str(label)
    assert "bad bot: <b>a load test</b>" in str(label)
    assert labelled.strftime("%d %b %H:%M UTC") in str(label)


def test_a_mark_tells_more_on_hover_and_by_keyboard_and_leads_to_the_campaign(
    visit: Callable[..., Any], day_origin: str
) -> None:
    page = visit(day_origin).open(f"/cluster/{BENCH}?range=24h")
    mark = page.locator(".lane .mark").first
    told = mark.locator(".told")
    expect(told).to_be_hidden()
    mark.locator("button").hover()
    expect(told).to_be_visible()
    page.mouse.move(0, 0)
    expect(told).to_be_hidden()
    mark.locator("button").focus()
    expect(told).to_be_visible()
    page.keyboard.press("Tab")
    expect(told.get_by_role("link", name=EARLY)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cluster/{EARLY}**")


@pytest.mark.parametrize("kind", ["ja4", "ip", "host", "asn"])
def test_a_subjects_timeline_marks_the_birth_of_its_campaign(
    kind: str, visit: Callable[..., Any], day_origin: str, day_dsn: str
) -> None:
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client_ip, ja4, host = client.query(
            "select replaceOne(toString(client_ip), '::ffff:', ''), ja4_stable, host from fct_campaign_member"
            " where campaign_id = {campaign:String} and toString(client_ip) like '::ffff:%' limit 1",
            parameters={"campaign": BENCH},
        ).first_row
    value = {"ja4": ja4, "ip": client_ip, "host": host, "asn": "64500"}[kind]
    page = visit(day_origin).open(f"/{kind}/{value}?range=7d")
    told = page.locator(".lane .told").filter(has_text=f"campaign {BENCH} was born")
    expect(told).to_have_count(1)


def test_a_label_marks_what_it_is_about_alone(
    visit: Callable[..., Any], day_origin: str, labelled: datetime, mart_tables: Any
) -> None:
    seen = visit(day_origin)
    page = seen.open(f"/ja4/{mart_tables.APACHE_BENCH.ja4}?range=6h")
    expect(page.locator(".lane .told")).to_contain_text(["<b>a load test</b>"])
    page = seen.open(f"/ja4/{mart_tables.CURL.ja4}?range=6h")
    expect(page.locator(".tabulator-row").first).to_be_visible()
    expect(page.locator(".lane .told").filter(has_text="a load test")).to_have_count(0)
