"""Puts the gate, the headers and the account pages onto the application."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Scope

from soc_dashboard.access.account_routes import account_router
from soc_dashboard.access.cookies import Cookies
from soc_dashboard.access.gate import Gate
from soc_dashboard.access.headers import SecurityHeaders
from soc_dashboard.access.identity import ForbiddenError
from soc_dashboard.access.login_routes import login_router
from soc_dashboard.access.oidc_settings import OidcSettings
from soc_dashboard.access.origins import Origins
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.user_routes import user_router
from soc_dashboard.api.problems import problem


def protect(
    app: FastAPI,
    accounts: Accounts,
    origins: Origins,
    cookies: Cookies,
    oidc: OidcSettings,
    redirect_uri: str,
    on_closed: Callable[[Scope], None],
) -> None:
    """Nothing of `app` is served any more without a caller who may have it.

    `redirect_uri` is where an OpenID provider sends browsers back to; `on_closed` hears of every live
    connection that has ended.
    """
    app.include_router(login_router(accounts, cookies, provider_name=oidc.name if oidc.is_on else ""))
    if oidc.is_on:
        # Authlib takes time to load, and warns of httpx on standard error: only for those who use it.
        from soc_dashboard.access.oidc import OidcLogin
        from soc_dashboard.access.oidc_routes import oidc_router

        app.include_router(oidc_router(accounts, cookies, OidcLogin(oidc, redirect_uri)))
    app.include_router(account_router(accounts, cookies))
    app.include_router(user_router(accounts))
    app.add_exception_handler(ForbiddenError, _on_forbidden)
    app.add_middleware(
        Gate, accounts=accounts, origins=origins, cookie_name=cookies.session, on_closed=on_closed
    )
    app.add_middleware(SecurityHeaders, is_https=origins.is_https)


async def _on_forbidden(request: Request, failure: Exception) -> Response:
    if request.url.path.startswith("/api/"):
        return problem(request, 403, f"{failure}.")
    return PlainTextResponse(f"{failure}", 403)
