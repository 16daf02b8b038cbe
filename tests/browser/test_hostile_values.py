"""What attackers send is text on every page."""

from __future__ import annotations

from collections.abc import Callable
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
      if (node.matches("a[href^='javascript:']")) found.push(node.outerHTML.slice(0, 200))
      if (node.shadowRoot) walk(node.shadowRoot)
    }
  }
  walk(document)
  return found
}"""


@pytest.mark.parametrize(
    "path",
    ["/", "/alerts", "/campaigns", "/cluster/C0", "/ja4/{ja4}", "/fingerprints", "/requests", "/host/x"],
)
def test_stored_values_stay_text(
    visit: Callable[..., Any], hostile_origin: str, mart_tables: ModuleType, path: str
) -> None:
    page = visit(hostile_origin, height=2600).open(path.format(ja4=mart_tables.SCRAPER.ja4))
    page.wait_for_timeout(500)
    assert "owned" not in page.title()
    assert page.evaluate(INJECTED) == []


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
