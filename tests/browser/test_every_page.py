"""Every page: usable by everybody (axe-core), and each of its figures explained by its help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from soc_dashboard.help_text import maybe_help, slug

pytestmark = pytest.mark.browser

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
CHROMIUM_JA4 = "t13d1517h2_8daaf6152771_cb7bf5808d99"
SCRAPER_JA4 = "t13d1715h2_5b57614c22b0_5c2c66f702b0"
PAGES = {
    "overview": "/",
    "alerts": "/alerts",
    "campaigns": "/campaigns",
    "campaign": "/cluster/Cbench7f3a91",
    "sensors": "/sensors",
    "requests": "/requests",
    "fingerprints": "/fingerprints",
    "ja4": f"/ja4/{CHROMIUM_JA4}",
    "ip": "/ip/203.0.113.44",
    "asn": "/asn/64500",
    "host": "/host/shop.test",
    "compare": f"/compare?a={CHROMIUM_JA4}&b={SCRAPER_JA4}",
    "models": "/models",
    "settings": "/settings",
    "audit": "/audit",
}
SERIOUS = """async () => {
  const found = await axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"],
    resultTypes: ["violations"],
  })
  return found.violations
    .filter(({impact}) => impact === "serious" || impact === "critical")
    .flatMap(({id, nodes}) => nodes.map(({html, any}) =>
      `${id}: ${html.slice(0, 160)} ${any.map(({message}) => message).join("; ").slice(0, 160)}`))
}"""


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not AXE.is_file():
        pytest.fail(f"{AXE} is missing: run `npm ci --prefix tests/browser`")
    return AXE.read_text("utf-8")


def figures(page: Page) -> set[str]:
    """Names of the key figures and cards that the page shows."""
    names = page.locator(".kpi .label, .card .head h2").all_inner_texts()
    return {name.strip() for name in names if name.strip()}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_and_explained(
    visit: Callable[..., Any], day_origin: str, axe: str, name: str
) -> None:
    seen = visit(day_origin, height=1600)
    page = seen.open(PAGES[name])
    page.evaluate(axe)
    violations = page.evaluate(SERIOUS)
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_timeout(500)
    violations += [f"dark: {violation}" for violation in page.evaluate(SERIOUS)]
    assert violations == []
    explained = maybe_help(name)
    assert explained is not None
    missing = {figure for figure in figures(page) if f'id="{slug(figure)}"' not in explained}
    assert missing == set()


@pytest.mark.parametrize("name", ["overview", "alerts", "ja4"])
def test_a_page_is_accessible_before_it_is_live_and_is_replaced_once(
    visit: Callable[..., Any], day_origin: str, axe: str, name: str
) -> None:
    page = visit(day_origin).page
    held: list[Any] = []
    page.route("**/panel.min.js*", lambda route: held.append(route))
    page.goto(day_origin + PAGES[name], wait_until="domcontentloaded")
    page.locator("#first-paint .kpi .value, #first-paint .rows td").first.wait_for()
    page.evaluate(axe)
    assert page.evaluate(SERIOUS) == []
    page.wait_for_timeout(200)
    first = page.locator("#first-paint").inner_text()
    for route in held:
        route.continue_()
    page.wait_for_function("() => document.documentElement.dataset.live")
    assert page.locator("#first-paint").count() == 0
    live = page.locator("#live-page")
    for figure in [line for line in first.splitlines() if line.endswith("%")][:3]:
        assert live.get_by_text(figure).count()


def test_a_script_that_does_not_load_is_said(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    seen.page.route("**/panel.min.js*", lambda route: route.abort())
    seen.page.goto(day_origin + "/alerts")
    seen.page.locator("#first-paint [role=alert]", has_text="could not be made live").wait_for()
    assert seen.page.locator("#first-paint .rows tbody tr").count() > 3
    assert all("panel.min.js" in one or "ERR_FAILED" in one for one in seen.complaints)
    seen.complaints.clear()
