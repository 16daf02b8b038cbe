"""Assembly: the Panel pages, the JSON API and the static files in one ASGI application."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import panel as pn
import structlog
from fastapi import FastAPI
from fastapi.routing import APIRoute
from markupsafe import Markup
from panel.io.fastapi import add_applications
from panel_material_ui.base import MaterialComponent
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from soc_dashboard.access import current_user
from soc_dashboard.access.cookies import Cookies
from soc_dashboard.access.protection import protect
from soc_dashboard.access.registry import Accounts
from soc_dashboard.api import problems
from soc_dashboard.api.metrics import DashboardMetrics, Measured
from soc_dashboard.api.readiness import readiness_router
from soc_dashboard.api.routes import api_router
from soc_dashboard.components.scripts import head_scripts
from soc_dashboard.components.shell import PageFrame
from soc_dashboard.export.routes import export_router
from soc_dashboard.find_route import find_router
from soc_dashboard.first_paint import Opened, OpenedPages, install, opened_pages
from soc_dashboard.help_text import help_router
from soc_dashboard.pages.broken import broken_page
from soc_dashboard.pages.catalogue import PAGES
from soc_dashboard.pages.session import PageSession, now_utc
from soc_dashboard.personal import DEFAULTS, PersonalStore
from soc_dashboard.settings import Settings
from soc_dashboard.static_delivery import StaticDelivery
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.lookup import DecisionCache
from soc_dashboard.stylesheet import stylesheet_routes
from soc_dashboard.theme import material_theme

if TYPE_CHECKING:
    from panel.io.application import TViewableFuncOrPath

log = structlog.get_logger(__name__)

STATIC = Path(str(resources.files("soc_dashboard").joinpath("static")))


def create_app(settings: Settings, accounts: Accounts) -> FastAPI:
    """The dashboard for one database, open to those with an account; connects at the first request."""
    marts = MartDatabase(settings.clickhouse_url.get_secret_value())
    decisions = DecisionCache(marts, now_utc)
    metrics = DashboardMetrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        refreshing = asyncio.create_task(decisions.keep_fresh())
        yield
        refreshing.cancel()
        marts.close()

    app = FastAPI(
        title="ja4-platform",
        lifespan=lifespan,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    app.include_router(api_router(marts, decisions, metrics.registry, now_utc))
    app.include_router(readiness_router(marts))
    app.include_router(export_router(marts))
    app.include_router(find_router())
    app.include_router(help_router())
    app.router.routes.extend(stylesheet_routes())
    app.mount("/assets", StaticFiles(directory=STATIC), name="assets")
    pn.extension("echarts", "tabulator", notifications=False)
    MaterialComponent.param["theme_config"].default = material_theme()
    opened = opened_pages()
    pages: dict[str, TViewableFuncOrPath] = {
        path: _opener(kind, marts, PersonalStore(accounts.preferences), settings.mlflow_url, opened)
        for path, kind in PAGES.items()
    }
    cookies = Cookies(settings.origins.is_https, settings.port)
    screens = add_applications(
        pages,
        app=app,
        title="ja4-platform",
        # Each page holds a ticket for its live connection. Signed, it cannot be made up; and what it tells
        # about the request must not bring the session's secret into the page.
        secret_key=secrets.token_bytes(32),
        sign_sessions=True,
        exclude_cookies=[cookies.session, cookies.login],
        exclude_headers=["Cookie", "Authorization"],
    )
    install(screens, opened)
    for route in app.routes:
        if isinstance(route, APIRoute) and not route.path.startswith("/api/"):
            route.include_in_schema = False

    def forget_connection(scope: Scope) -> None:
        """Tell Bokeh that a browser is gone: bokeh-fastapi 0.1.8 does not, and keeps its page for ever."""
        for connection in list(screens._clients):
            if connection._socket._socket.scope is scope:
                screens.client_lost(connection)

    metrics.watch("ja4_dashboard_sessions", "Browsers that are signed in.", accounts.sessions.count)
    metrics.watch("ja4_dashboard_live_pages", "Pages with a live connection.", lambda: len(screens._clients))
    metrics.watch("ja4_dashboard_decisions", "Decisions that /api/lookup holds.", decisions.size)
    metrics.watch("ja4_dashboard_decisions_age_seconds", "Age of those decisions.", decisions.age_s)
    app.add_middleware(StaticDelivery)
    app.add_middleware(Measured, metrics=metrics)
    redirect_uri = f"{settings.address}/login/oidc/callback"
    protect(app, accounts, settings.origins, cookies, settings.oidc, redirect_uri, forget_connection)
    return app


def _opener(
    kind: type[PageSession],
    marts: MartDatabase,
    personal: PersonalStore,
    mlflow_url: str,
    opened: OpenedPages,
) -> Callable[[], PageFrame]:
    """What makes a new page for a browser that opens its address; Panel takes functions only."""

    def open_page() -> PageFrame:
        try:
            user = current_user().name
            session = kind(marts=marts, user=user, personal=personal, mlflow_url=mlflow_url)
            page, head = session.build(), session.head_scripts()
            remember(page, head, session.first_read)
            return page
        except Exception:
            # Panel would write the traceback into the page.
            log.exception("a page could not be made", page=kind.path)
            page = broken_page()
            remember(page, head_scripts("overview", DEFAULTS), _nothing)
            return page

    def remember(page: PageFrame, head: Markup, read: Callable[[], Awaitable[None]]) -> None:
        if pn.state.curdoc is not None:
            opened[pn.state.curdoc] = Opened(page, head, read)

    return open_page


async def _nothing() -> None:
    """What a page reads that shows no figures."""
