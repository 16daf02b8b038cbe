"""The page of one JA4 in a browser."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_page_says_who_uses_the_fingerprint_and_why_it_is_judged(
    visit: Callable[..., Any], day_origin: str, mart_tables: ModuleType
) -> None:
    bench = mart_tables.APACHE_BENCH
    page = visit(day_origin).open(f"/ja4/{bench.ja4}")
    expect(page).to_have_title(f"{bench.ja4} · ja4-platform")
    expect(page.get_by_role("heading", level=1)).to_have_text(bench.ja4)
    expect(page.locator(".known")).to_contain_text("ApacheBench 2.4")
    assert page.locator(".kpi").count() == 8
    expect(page.get_by_text("Handshake belongs to another client")).to_be_visible()
    expect(page.get_by_text("typical in training: 0.2 bits")).to_be_visible()
    expected = page.request.get(f"{day_origin}/api/ja4/{bench.ja4}").json()
    requests = page.get_by_role("group", name="Requests", exact=True).locator(".value").inner_text()
    assert int("".join(filter(str.isdigit, requests))) == expected["requests"]
    shown = page.locator('.tabulator-cell[tabulator-field="client_ip"]').all_inner_texts()
    assert {row["client_ip"] for row in expected["top_clients"]} <= set(shown)


def test_hello_is_decoded_by_name(
    visit: Callable[..., Any], day_origin: str, mart_tables: ModuleType
) -> None:
    page = visit(day_origin).open(f"/ja4/{mart_tables.CHROMIUM.ja4}")
    codes = page.locator(".codes")
    for name in ("TLS_AES_128_GCM_SHA256", "encrypted_client_hello", "ecdsa_secp256r1_sha256"):
        expect(codes.get_by_text(name)).to_be_attached()


def test_variants_lead_to_their_pages(
    visit: Callable[..., Any], day_origin: str, mart_tables: ModuleType
) -> None:
    seen = visit(day_origin)
    page = seen.open(f"/ja4/{mart_tables.CHROMIUM.ja4}")
    page.get_by_text("2 exact variants").click()
    page.locator(".variants a").nth(1).click()
    page.wait_for_url("**/ja4/t13d1518h2_8daaf6152771_cb7bf5808d99")
    seen.settle()
    expect(page.get_by_text("Shown for its stable form")).to_be_visible()


def test_a_client_filters_the_request_log(
    visit: Callable[..., Any], day_origin: str, mart_tables: ModuleType
) -> None:
    page = visit(day_origin, height=2400).open(f"/ja4/{mart_tables.CURL.ja4}")
    address = page.locator('.tabulator-cell[tabulator-field="client_ip"]').first.inner_text()
    page.locator('.tabulator-cell[tabulator-field="reason"]').first.click()
    page.wait_for_url("**q=ip*")
    shown = page.locator(".tabulator").nth(1).locator('.tabulator-cell[tabulator-field="client_ip"]')
    expect(shown.filter(has_not_text=address)).to_have_count(0)
    expect(shown).not_to_have_count(0)


def test_copy_puts_the_fingerprint_on_the_clipboard(
    visit: Callable[..., Any], day_origin: str, mart_tables: ModuleType
) -> None:
    page = visit(day_origin).open(f"/ja4/{mart_tables.CHROMIUM.ja4}")
    page.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == mart_tables.CHROMIUM.ja4


def test_unknown_fingerprint_says_so(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/ja4/t13d0101h2_aaaaaaaaaaaa_bbbbbbbbbbbb")
    expect(page.get_by_text("This fingerprint was never seen here")).to_be_visible()
    assert page.locator(".kpi").count() == 0 or not page.locator(".kpi").first.is_visible()


def test_list_leads_to_the_fingerprint(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/fingerprints")
    first = page.locator('.tabulator-cell[tabulator-field="ja4_stable"] a').first
    name = first.inner_text()
    first.click()
    page.wait_for_url(f"**/ja4/{name}")
