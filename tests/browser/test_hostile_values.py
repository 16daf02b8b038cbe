"""What attackers send is text on every page."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

INJECTED = """() => {
  const found = []
  const walk = (root) => {
    for (const node of root.querySelectorAll("*")) {
      const handler = ({name, value}) => /^on/i.test(name) && /owned/.test(value)
      if ([...node.attributes].some(handler)) found.push(node.outerHTML.slice(0, 200))
      if (node.matches("script") && node.textContent.includes("owned") && !node.type.includes("json"))
        found.push(node.outerHTML.slice(0, 200))
      if (node.matches("a[href^='javascript:' i], img[src=x], iframe"))
        found.push(node.outerHTML.slice(0, 200))
      if (node.shadowRoot) walk(node.shadowRoot)
    }
  }
  walk(document)
  return found
}"""


# Each different value that has a menu gets it opened, and so does every menu of a table.
OPEN_ALL_MENUS = """async () => {
  const seen = []
  const {all, shown} = window.ja4
  const look = async () => {
    await new Promise(requestAnimationFrame)
    const panel = document.querySelector(".floating")
    if (panel) seen.push(panel.textContent)
  }
  const cells = all(document, ".tabulator-cell").filter(shown)
  for (const cell of new Map(cells.map((cell) => [cell.textContent, cell])).values()) {
    cell.dispatchEvent(new MouseEvent("contextmenu", {bubbles: true, composed: true}))
    await look()
  }
  for (const button of all(document, "[data-columns], [data-export]").filter(shown)) {
    button.click()
    await look()
  }
  window.ja4.close()
  for (const folded of all(document, "details")) folded.open = true
  return seen
}"""
SCRAPER_JA4 = "t13d1715h2_5b57614c22b0_5c2c66f702b0"
TAG = quote('"><img src=x onerror="document.title=\'owned\'">', safe="")
PAGES = {
    "/": 0,
    "/alerts": 1,
    "/campaigns": 1,
    "/cluster/C1": 1,
    "/requests": 1,
    "/fingerprints": 1,
    f"/ja4/{SCRAPER_JA4}": 1,
    "/ip/203.0.113.2": 1,
    "/asn/64500": 1,
    f"/host/{TAG}": 1,
    f"/compare?a={SCRAPER_JA4}&b={SCRAPER_JA4}": 0,
    "/sensors": 0,
    "/models": 0,
    "/settings": 1,
    "/audit": 1,
}
"""Every page, and how many menus it has at least; compare, sensors and models have figures only."""


def test_stored_values_stay_text_on_every_page_and_in_every_menu(
    visit: Callable[..., Any], hostile_origin: str
) -> None:
    seen = visit(hostile_origin, height=2600)
    found = {}
    for path, menus in PAGES.items():
        page = seen.open(path)
        opened = page.evaluate(OPEN_ALL_MENUS)
        page.get_by_role("button", name="Help", exact=True).click()
        page.get_by_role("complementary", name="Help").wait_for()
        injected = page.evaluate(INJECTED)
        if injected or page.title() == "owned" or len(opened) < menus:
            found[path] = (injected, page.title(), len(opened))
    assert found == {}


def test_every_stored_value_is_readable(
    visit: Callable[..., Any], hostile_origin: str, mart_tables: ModuleType
) -> None:
    page = visit(hostile_origin, width=1920, height=2600).open(f"/ja4/{mart_tables.SCRAPER.ja4}")
    shown = "\n".join(page.locator('.tabulator-cell[tabulator-field="path"]').all_inner_texts())
    for value in ("<script>", "onerror=", "javascript:", "=HYPERLINK", "abc\\u{202e}cod.exe", "nul\\u{0}in"):
        assert value in shown


def test_evidence_of_a_hostile_entity_stays_text(visit: Callable[..., Any], hostile_origin: str) -> None:
    page = visit(hostile_origin).open("/alerts")
    page.locator('.tabulator-row .tabulator-cell[tabulator-field="reason"]').first.click()
    expect(page.locator(".evidence").first).to_contain_text("Sent ")
    page.locator(".MuiDrawer-paper").get_by_role("button", name="Bad bot").click()
    expect(page.get_by_text("Touches 1 entit")).to_be_visible()
    assert page.evaluate(INJECTED) == []
    assert "owned" not in page.title()


@pytest.mark.parametrize(
    "path",
    [
        "/ja4/" + quote("<img src=x onerror=document.title='owned'>", safe=""),
        "/alerts?q=" + quote("\"><script>document.title='owned'</script>"),
        "/alerts?range=" + quote("<svg onload=1>") + "&page=-1&sort=" + quote("'; drop table x"),
    ],
)
def test_values_in_the_url_stay_text(visit: Callable[..., Any], hostile_origin: str, path: str) -> None:
    page = visit(hostile_origin).open(path)
    assert page.evaluate(INJECTED) == []
    assert page.title().startswith(("Alerts", "<img src=x onerror"))


def test_an_export_of_hostile_values_runs_nothing_in_a_spreadsheet(
    visit: Callable[..., Any], hostile_origin: str
) -> None:
    page = visit(hostile_origin).open("/requests?range=7d")
    page.get_by_role("button", name="Export requests").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    rows = list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text("utf-8"))))
    # OWASP, CSV injection: what begins so is a formula to a spreadsheet.
    assert [cell for row in rows[1:] for cell in row if cell.startswith(("=", "+", "@", "\t", "\r"))] == []
    assert any("HYPERLINK" in cell for row in rows for cell in row)
