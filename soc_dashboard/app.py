"""Assembly: the Panel pages, the JSON API and the static files in one ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import panel as pn
from fastapi import FastAPI
from panel.io.fastapi import add_applications
from panel_material_ui.template.base import Page
from starlette.staticfiles import StaticFiles

from soc_dashboard.api import problems
from soc_dashboard.api.routes import api_router
from soc_dashboard.pages.catalogue import PAGES
from soc_dashboard.pages.session import PageSession, now_utc
from soc_dashboard.settings import Settings
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.stylesheet import stylesheet_route

if TYPE_CHECKING:
    from panel.io.application import TViewableFuncOrPath

STATIC = Path(str(resources.files("soc_dashboard").joinpath("static")))


def create_app(settings: Settings) -> FastAPI:
    """The dashboard for one database; opens no connection before the first request."""
    marts = MartDatabase(settings.clickhouse_url.get_secret_value())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        marts.close()

    app = FastAPI(
        title="ja4-platform",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(api_router(marts, now_utc))
    app.router.routes.append(stylesheet_route())
    app.mount("/assets", StaticFiles(directory=STATIC), name="assets")
    pn.extension("echarts", "tabulator", notifications=False)
    pages: dict[str, TViewableFuncOrPath] = {
        path: _opener(kind, marts, settings.user) for path, kind in PAGES.items()
    }
    origins = [f"{settings.host}:{settings.port}", f"localhost:{settings.port}", *settings.websocket_origins]
    add_applications(pages, app=app, title="ja4-platform", websocket_origin=origins)
    return app


def _opener(kind: type[PageSession], marts: MartDatabase, user: str) -> Callable[[], Page]:
    """What makes a new page for a browser that opens its address; Panel takes functions only."""

    def open_page() -> Page:
        return kind(marts=marts, user=user).build()

    return open_page
