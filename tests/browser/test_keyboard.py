"""Keys on a page: what they open gives the focus back, and in a box they are letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


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
