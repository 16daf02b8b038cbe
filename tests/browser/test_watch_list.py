"""The lists of the settings: what is watched and let through, since when, by whom, and what it hit."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

LABEL = uuid.UUID("7c0f3a1c-5e7d-44b2-a8c6-e1f0d3b5a790")


@pytest.fixture
def watched(day_dsn: str, now: datetime) -> Iterator[None]:
    """A label of ada's, five hours old, that decided two hours of one entity, and whom it watches."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client.insert(
            "analyst_labels",
            [[LABEL, now - timedelta(hours=5), "ada", "client_ip", "203.0.113.9", "bad_bot", "=scraper"]],
            column_names=["label_id", "labelled_at", "user", "scope", "client_ip", "label", "note"],
        )
        client.insert(
            "fct_entity_verdict",
            [
                [
                    hour - timedelta(hours=back),
                    "203.0.113.9",
                    "t13i",
                    "watched.test",
                    60,
                    "bad_bot",
                    "analyst",
                    str(LABEL),
                    now,
                ]
                for back in (1, 2)
            ],
            column_names=[
                "hour",
                "client_ip",
                "ja4_stable",
                "host",
                "requests",
                "verdict",
                "verdict_source",
                "verdict_source_id",
                "last_ts",
            ],
        )
        client.insert(
            "fct_watched_entity",
            [
                [
                    "203.0.113.10",
                    "t13i",
                    "<i>x</i>.test",
                    hour,
                    hour,
                    1,
                    1234,
                    "human",
                    1,
                    1,
                    str(LABEL),
                    5.0,
                ],
                ["2001:db8::7", "t13d", "a.test", hour, hour, 1, 7, "unknown", 1, 0, str(LABEL), None],
            ],
            column_names=[
                "client_ip",
                "ja4_stable",
                "host",
                "first_hour",
                "last_hour",
                "hours",
                "requests",
                "verdict",
                "shares_network",
                "shares_ja4",
                "label_id",
                "ja4_bits",
            ],
        )
        yield
        client.command("truncate table analyst_labels")
        client.command("truncate table fct_watched_entity")
        client.command(
            "alter table fct_entity_verdict delete where host = 'watched.test' settings mutations_sync = 2"
        )


def test_the_watch_list_says_whom_why_since_when_and_by_whom(
    visit: Callable[..., Any], day_origin: str, watched: None
) -> None:
    seen = visit(day_origin, height=1400)
    page = seen.open("/settings")
    card = page.locator(".card").filter(has_text="Watched for their likeness")
    rows = card.locator(".tabulator-row")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("203.0.113.10")
    expect(rows.nth(0)).to_contain_text("<i>x</i>.test")
    expect(rows.nth(0)).to_contain_text("shares its rare JA4, one address in 32 and its /24")
    expect(rows.nth(1)).to_contain_text("shares its /64")
    for row in (rows.nth(0), rows.nth(1)):
        expect(row).to_contain_text("5 h ago")
        expect(row).to_contain_text("ada")
    rows.nth(0).get_by_role("link", name="203.0.113.10").click()
    page.wait_for_url("**/ip/203.0.113.10")


def test_a_label_says_what_it_hit_in_the_range(
    visit: Callable[..., Any], day_origin: str, watched: None
) -> None:
    seen = visit(day_origin, height=1400)
    hit = '.tabulator-cell[tabulator-field="hits"]'
    page = seen.open("/settings?range=24h")
    expect(page.locator(hit).first).to_have_text("1 entity, 120 req.")
    page = seen.open("/settings?range=custom&from=1790000000&to=1790003600")
    expect(page.locator(hit).first).to_have_text("nothing")


def test_an_empty_watch_list_says_so(visit: Callable[..., Any], empty_origin: str) -> None:
    page = visit(empty_origin, height=1400).open("/settings")
    card = page.locator(".card").filter(has_text="Watched for their likeness")
    expect(card).to_contain_text("Nothing matches")
