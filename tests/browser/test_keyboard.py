"""A page without a mouse: everything is reached and seen, what keys open gives the focus back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


MAX_STOPS = 400
"""Tabs on a page before it counts as a trap; a table of 50 rows has two links in each."""
FOCUSED = """() => {
  let node = document.activeElement
  while (node?.shadowRoot?.activeElement) node = node.shadowRoot.activeElement
  if (!node || node === document.body) return null
  window.walked ??= new Map()
  if (!window.walked.has(node)) window.walked.set(node, window.walked.size)
  const around = (one) => one.parentElement ?? one.getRootNode().host
  const hasRing = (one) => {
    const {outlineStyle, outlineWidth, boxShadow, borderColor} = getComputedStyle(one)
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none"
  }
  let ringed = hasRing(node)
  // Material draws the ring on a neighbour or on the box around what has the focus.
  for (let box = node, up = 0; !ringed && box && up < 3; box = around(box), up += 1)
    ringed = box.matches(".Mui-focused, .Mui-focusVisible") || [...box.children].some(hasRing)
  const name = (node.getAttribute("aria-label") ?? (node.textContent || node.className)).trim().slice(0, 40)
  return {at: window.walked.get(node), name: `${node.tagName} ${name}`, ringed}
}"""
STOPS = """() => {
  const {all, shown} = window.ja4
  return all(document, "a[href], button:not([disabled]), input:not([type=hidden]), summary, [tabindex='0']")
    .filter((node) => shown(node) && node.tabIndex >= 0)
    .filter((node) => !node.closest(".browser-calls, [aria-hidden=true]"))
    .filter((node) => node.getBoundingClientRect().width > 1).length
}"""


def test_tab_reaches_every_control_shows_where_it_is_and_leaves_again(
    visit: Callable[..., Any], day_origin: str
) -> None:
    seen = visit(day_origin, height=1600)
    wrong: dict[str, Any] = {}
    for path in ("/", "/alerts", "/campaigns", "/settings", "/models"):
        page = seen.open(path)
        page.evaluate("document.activeElement?.blur()")
        stops: list[dict[str, Any]] = []
        for _ in range(MAX_STOPS):
            page.keyboard.press("Tab")
            stop = page.evaluate(FOCUSED)
            if stop is None or (stops and stop["at"] == 0):
                break
            stops.append(stop)
        unseen = sorted({stop["name"] for stop in stops if not stop["ringed"]})
        reachable = page.evaluate(STOPS)
        visited = len({stop["at"] for stop in stops})
        trapped = len(stops) == MAX_STOPS
        if unseen or trapped or visited < reachable:
            wrong[path] = (unseen[:5], f"{visited} of {reachable}", trapped)
    assert wrong == {}


def test_what_was_opened_by_a_key_gives_the_focus_back(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/requests")
    for opener, kind, name in (
        ("Columns of requests", "dialog", "Columns"),
        ("Export requests", "dialog", "Export"),
        ("Help", "complementary", "Help"),
    ):
        button = page.get_by_role("button", name=opener, exact=True)
        button.focus()
        page.keyboard.press("Enter")
        opened = page.get_by_role(kind, name=name)  # type: ignore[arg-type]
        expect(opened.locator(":focus")).to_have_count(1)
        page.keyboard.press("Escape")
        expect(opened).to_have_count(0)
        expect(button).to_be_focused()


def test_keys_are_letters_while_a_box_has_the_focus(visit: Callable[..., Any], day_origin: str) -> None:
    page = visit(day_origin).open("/requests")
    for box in (
        page.get_by_placeholder("Filter:"),
        page.get_by_role("searchbox").or_(page.get_by_placeholder("Find an")).filter(visible=True).first,
    ):
        box.focus()
        page.keyboard.type("gof?pht1[")
        expect(box).to_have_value("gof?pht1[")
        box.fill("")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("complementary", name="Help")).to_have_count(0)
    assert page.url == day_origin + "/requests"
