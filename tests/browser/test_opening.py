"""What an opening asks of the browser, and what a page does before and after it is live."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Route, expect

from soc_dashboard.theme import DARK, LIGHT

GRID_COLOURS = """() => [...Bokeh.documents[0].all_models]
  .filter((model) => model.type.endsWith("ECharts") && model.data?.yAxis)
  .map((model) => model.data.yAxis.splitLine.lineStyle.color)"""


def test_the_overview_needs_no_material_widgets(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    loaded: list[str] = []
    seen.page.on("request", lambda request: loaded.append(request.url))
    seen.open("/")
    assert any("bokeh.min.js" in address for address in loaded)
    assert not [
        address for address in loaded if "material-ui.bundle.js" in address or "es-module-shims" in address
    ]


def test_the_live_page_has_the_landmarks_of_the_first_paint(
    visit: Callable[..., Any], day_origin: str
) -> None:
    page = visit(day_origin).open("/")
    expect(page.get_by_role("main").get_by_role("group", name="Requests", exact=True)).to_be_visible()
    expect(page.get_by_role("banner").get_by_role("button", name="24h", exact=True)).to_be_visible()


def test_a_range_chosen_before_the_page_is_live_counts(visit: Callable[..., Any], day_origin: str) -> None:
    seen = visit(day_origin)
    held: list[Route] = []
    seen.page.route("**/panel.min.js*", lambda route: held.append(route))
    seen.page.goto(day_origin + "/", wait_until="commit")
    seen.page.wait_for_function("() => window.ja4?.send")
    seen.page.get_by_role("button", name="6h", exact=True).click()
    seen.page.wait_for_function("() => window.echarts")
    for route in held:
        route.continue_()
    seen.page.unroute("**/panel.min.js*")
    seen.page.wait_for_url("**/?range=6h")
    expect(seen.page.get_by_role("button", name="6h", exact=True)).to_have_attribute("aria-pressed", "true")


def test_the_focus_stays_on_the_range_that_was_chosen(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/")
    chosen = page.get_by_role("button", name="7d", exact=True)
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    expect(chosen).to_be_focused()


def test_charts_take_the_colours_of_the_theme(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin, theme="light").open("/")
    page.wait_for_function(f"() => ({GRID_COLOURS})().includes('{LIGHT.grid}')")
    page.get_by_role("button", name="Light or dark").click()
    page.wait_for_function(f"() => ({GRID_COLOURS})().includes('{DARK.grid}')")
