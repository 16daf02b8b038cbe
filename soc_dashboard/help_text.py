"""The help of each page: `help/<page>.md`, whose headings name the figures and cards that it explains."""

from __future__ import annotations

import itertools
import re
from functools import cache
from importlib import resources

from fastapi import APIRouter, HTTPException
from markdown_it import MarkdownIt
from starlette.responses import HTMLResponse

SHORT = {"Cache-Control": "private, max-age=300"}
NAME = re.compile(r"[a-z0-9]{1,30}\Z")


def slug(name: str) -> str:
    """The id of a heading, as `static/scripts/help.js` makes it of a figure's name."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@cache
def maybe_help(page: str) -> str | None:
    """HTML of a page's help, text of this program alone; None for a page that has none."""
    text = maybe_source(page)
    if text is None:
        return None
    parser = MarkdownIt("commonmark", {"html": False})
    tokens = parser.parse(text)
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrs |= {"id": slug(content.content), "tabindex": "-1"}
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


@cache
def maybe_source(page: str) -> str | None:
    """Markdown of a page's help; None for a page that has none."""
    if not NAME.match(page):
        return None
    file = resources.files("soc_dashboard").joinpath("help", f"{page}.md")
    return file.read_text("utf-8") if file.is_file() else None


def help_router() -> APIRouter:
    """`/help/<page>`: what `static/scripts/help.js` shows in the drawer."""
    router = APIRouter(include_in_schema=False)

    @router.get("/help/{page}")
    async def help_of(page: str) -> HTMLResponse:
        """The help of one page, as a fragment of HTML."""
        found = maybe_help(page)
        if found is None:
            raise HTTPException(404, "this page has no help")
        return HTMLResponse(found, headers=SHORT)

    return router
