"""Answers page addresses: the page's figures as plain markup first, the live page in its place after that.

Panel's own answer is an empty document; figures stand once five megabytes of scripts have run and a live
connection has told them, seconds on a busy machine. Here the page reads before the answer is written, and
what its panes then hold is both the first paint and, unchanged, the live page.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from bokeh.document import Document
from bokeh.embed.util import RenderItem
from bokeh.models import Model
from bokeh_fastapi import BokehFastAPI
from bokeh_fastapi.handler import DocHandler
from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from panel.io.resources import LOCAL_DIST, bundle_resources, patch_model_css
from panel.io.state import set_curdoc, state

from soc_dashboard.assets import asset, painted_styles_address
from soc_dashboard.components.plain_tree import plain
from soc_dashboard.components.shell import PageFrame

READ_WAIT_S = 6.0
"""How long an answer waits for the page's figures; after that it shows what is there, the rest as loading."""
WHOLE_WAIT_S = 0.7
"""How long it waits for all of them: once that is over, the first figures or rows are worth an answer."""
LOOK_S = 0.1
FIGURES = re.compile(r'<div class="value">|<tbody><tr>')
UNUSED_SCRIPTS = ("echarts-gl", "bokeh-gl", "luxon", "es-module-shims")
"""Parts of bundle names: three-dimensional charts, plots on the graphics card, Tabulator's dates, and modules
for browsers without them (see `static/first_paint.js`)."""
ONLY_FOR = {"echarts.min.js": "ECharts", "tabulator.min.js": "DataTabulator"}
"""Bundle -> the model that needs it; pages without such a model go without the bundle."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that was just made for one browser."""

    page: PageFrame
    head_scripts: Markup
    read: Callable[[], Awaitable[None]]
    """Reads and shows the figures; what fails is shown on the page."""


OpenedPages = MutableMapping[Document, Opened]


def opened_pages() -> OpenedPages:
    """Where pages are found by their document, for as long as that lives."""
    return WeakKeyDictionary()


def install(screens: BokehFastAPI, opened: OpenedPages) -> None:
    """Answer every page's address in place of Bokeh's own handler."""
    routes = screens.app.router.routes
    for index, route in enumerate(routes):
        handler = getattr(getattr(route, "endpoint", None), "__self__", None)
        if isinstance(route, APIRoute) and isinstance(handler, DocHandler):
            painted = PaintedHandler(screens, handler.application_context, opened)
            routes[index] = APIRoute(route.path, painted.get, methods=["GET"], include_in_schema=False)


class PaintedHandler(DocHandler):  # type: ignore[misc]  # bokeh_fastapi has no types
    """One page's address."""

    def __init__(self, screens: BokehFastAPI, context: Any, opened: OpenedPages) -> None:
        super().__init__(screens, context)
        self._opened = opened

    async def get(self, request: Request) -> HTMLResponse:
        """The page with its figures, for who asked."""
        session = await self.get_session(request, None)
        document = session.document
        with set_curdoc(document):
            # Where Panel looks for its own stylesheets, from now on; without it, on its makers' server.
            folder = f"{state.rel_path}/{LOCAL_DIST}" if state.rel_path else LOCAL_DIST
        document.template_variables["dist_url"] = folder
        for root in document.roots:
            patch_model_css(root, dist_url=folder)
        made = self._opened.get(document)
        if made is not None:
            with set_curdoc(document):
                reading = asyncio.ensure_future(made.read())
            await _until_useful(reading, made.page)
            if not reading.done():
                log.info("a page was answered before all was read", path=request.url.path)
        return HTMLResponse(self._written(session, made))

    def _written(self, session: Any, made: Opened | None) -> str:
        document = session.document
        item = RenderItem(token=session.token, roots=document.roots, use_for_title=False)
        with set_curdoc(document):
            bundle = bundle_resources(document.roots, self.application.resources())
        own_styles = asset("fonts.css"), asset("overlays.css"), asset("first_paint.css")
        written: str = _template().render(
            title=made.page.heading if made else document.title,
            head_scripts=made.head_scripts if made else Markup(""),
            favicon=asset("favicon.svg"),
            style_sheets=[*own_styles, painted_styles_address()],
            loader=asset("first_paint.js"),
            first_paint=first_paint(made.page) if made else Markup(""),
            roots=[{"id": root.elementid, "model": root.id} for root in item.roots or ()],
            live={
                "items": [item.to_json()],
                "scripts": [src for src in map(str, bundle.js_files) if _is_needed(src, document)],
                "styles": list(map(str, bundle.css_files)),
            },
        )
        return written


async def _until_useful(reading: asyncio.Future[None], page: PageFrame) -> None:
    waited = WHOLE_WAIT_S
    await asyncio.wait([reading], timeout=WHOLE_WAIT_S)
    while not reading.done() and waited < READ_WAIT_S and not FIGURES.search(first_paint(page)):
        await asyncio.wait([reading], timeout=LOOK_S)
        waited += LOOK_S


def first_paint(page: PageFrame) -> Markup:
    """Header, rail and content of a page as they are now."""
    return Markup(
        '<div id="first-paint"><header>{}</header><div class="paint-rail">{}</div><main>{}</main></div>'
    ).format(*(plain(part) for part in page.parts))


def _is_needed(src: str, document: Document) -> bool:
    if any(name in src for name in UNUSED_SCRIPTS):
        return False
    model = next((model for end, model in ONLY_FOR.items() if src.endswith(end)), None)
    return model is None or any(_is_a(one, model) for one in document.models)


def _is_a(one: Model, model: str) -> bool:
    return any(kind.__name__ == model for kind in type(one).__mro__)


@cache
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("soc_dashboard", "html"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html")
