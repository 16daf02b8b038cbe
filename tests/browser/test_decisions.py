"""An analyst decides: label, see what it touches, take it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import clickhouse_connect
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_label_is_previewed_saved_taken_back_and_listed(
    visit: Callable[..., Any], day_origin: str, day_dsn: str
) -> None:
    seen = visit(day_origin, height=1600)
    page = seen.open("/alerts")
    row = page.locator(".tabulator-row").first
    address = row.locator('[tabulator-field="client_ip"]').inner_text()
    requests = row.locator('[tabulator-field="requests"]').inner_text()
    row.locator('[tabulator-field="reason"]').click()
    drawer = page.locator(".MuiDrawer-anchorRight .MuiDrawer-paper")
    expect(drawer.get_by_text("Touches 1 entity")).to_contain_text(requests)
    expect(drawer.get_by_role("button", name="Save label")).to_be_disabled()
    drawer.get_by_role("button", name="Human").click()
    drawer.get_by_label("Note").fill("our own monitor")
    drawer.get_by_label("Note").press("Tab")
    drawer.get_by_role("button", name="Save label").click()
    expect(page.locator(".bulk-said")).to_contain_text("Saved: client " + address)
    page.locator(".bulk-undo button").click()
    expect(page.locator(".bulk-said")).to_contain_text("Taken back: client " + address)
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        actions = client.query("select action, user from audit_log order by at").result_rows
    assert [action for action, _ in actions] == ["label", "revoke"]
    assert all(user for _, user in actions)

    page = seen.open("/settings?all=yes")
    expect(page.locator('[tabulator-field="state"]', has_text="taken back")).to_be_visible()
    expect(page.locator('[tabulator-field="note"]', has_text="our own monitor")).to_be_visible()
    page = seen.open("/audit?action=revoke")
    expect(page.locator('[tabulator-field="action"]', has_text="revoke")).to_be_visible()
