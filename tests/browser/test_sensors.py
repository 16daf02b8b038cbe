"""The sensors' books in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def digits(text: str) -> int:
    return int("".join(filter(str.isdigit, text)))


def test_the_books_are_those_of_the_ledger(visit: Callable[..., Any], day_origin: str, day_dsn: str) -> None:
    page = visit(day_origin).open("/sensors?range=7d")
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        frames, matched, no_hello = client.query(
            "select sum(frames_seen), sum(requests_matched), sum(requests_no_hello) from fct_sensor_minute"
        ).first_row
    books = page.locator(".books")
    expect(books).to_have_count(1)
    expect(books).to_contain_text("web-01")
    expect(books).to_contain_text("rack 4")
    expect(books).to_contain_text("+1.5 ms")
    for name, count in (("read", frames), ("matched", matched), ("no hello", no_hello)):
        line = books.locator("tr", has=page.get_by_role("cell", name=name, exact=True))
        assert digits(line.locator(".num").inner_text()) == count
    # Of each hour's 3,600 requests of the canary two were joined wrongly and two not at all.
    expect(books).to_contain_text("99.94")


def test_without_a_sensor_the_page_says_so(visit: Callable[..., Any], empty_origin: str) -> None:
    page = visit(empty_origin).open("/sensors")
    expect(page.get_by_text("No sensor reported")).to_be_visible()
