"""Every page has its help; a page that cannot be made says so without a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from soc_dashboard.access import Role, User, acting_as
from soc_dashboard.app import _opener
from soc_dashboard.help_text import maybe_help, slug
from soc_dashboard.pages.catalogue import PAGES
from soc_dashboard.pages.session import PageSession


@pytest.mark.parametrize("page", PAGES.values(), ids=lambda page: page.__name__)
def test_every_page_has_help(page: type[PageSession]) -> None:
    text = maybe_help(page.help_name or page.path.strip("/") or "overview")
    assert text is not None
    assert "<h1" in text


def test_headings_can_be_linked_to() -> None:
    text = maybe_help("overview")
    assert text is not None
    assert f'id="{slug("Capture loss")}" tabindex="-1"' in text


@pytest.mark.parametrize("name", ["", "..", "../app", "nothing", "a" * 100, "Overview"])
def test_a_name_that_is_no_page_has_no_help(name: str) -> None:
    assert maybe_help(name) is None


class BrokenPage:
    """A page whose builder fails."""

    path = "/broken"

    def __init__(self, **_: Any) -> None:
        raise ZeroDivisionError("the secret of line 7")


def test_a_page_that_cannot_be_made_shows_no_traceback() -> None:
    with acting_as(User("ada", Role.VIEWER)):
        page = _opener(BrokenPage, None, None, "", {})()  # type: ignore[arg-type]
    shown = repr(page.select()) + "".join(str(getattr(pane, "object", "")) for pane in page.select())
    assert "This page could not be made" in shown
    assert "secret" not in shown
    assert "Traceback" not in shown
