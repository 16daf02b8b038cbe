"""Signing in with an OpenID provider: leaving for it, and coming back."""

from __future__ import annotations

import secrets

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc_dashboard.access.caller import csrf_token
from soc_dashboard.access.cookies import Cookies
from soc_dashboard.access.login_routes import begun, local_path
from soc_dashboard.access.oidc import External, OidcLogin, OidcRefusedError
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.templates import page
from soc_dashboard.access.users import Account, AccountRefusedError


def oidc_router(accounts: Accounts, cookies: Cookies, oidc: OidcLogin) -> APIRouter:
    """The two routes of the flow; the sign-in page's cookie ties both ends to one browser."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login/oidc")
    async def leave(request: Request) -> Response:
        secret = request.cookies.get(cookies.login) or secrets.token_urlsafe(32)
        wait_s = accounts.address_limit.wait_s(request.client.host if request.client else "")
        if wait_s:
            return _refused(f"Too many attempts. Try again in {wait_s} seconds.", 429)
        try:
            address = await oidc.begin(csrf_token(secret), local_path(request.query_params.get("next", "/")))
        except OidcRefusedError as refused:
            return _refused(str(refused), 502)
        response = RedirectResponse(address, 303)
        cookies.set_login(response, secret)
        return response

    @router.get("/login/oidc/callback")
    async def come_back(request: Request) -> Response:
        secret = request.cookies.get(cookies.login, "")
        try:
            external = await oidc.finish(csrf_token(secret), dict(request.query_params))
            account = _account_of(accounts, external)
        except (OidcRefusedError, AccountRefusedError) as refused:
            accounts.log.note("provider", "sign-in-failed", str(refused))
            return _refused(str(refused), 403)
        accounts.users.note_login(account, external.issuer)
        return begun(accounts, cookies, request, account, external.asked)

    return router


def _account_of(accounts: Accounts, external: External) -> Account:
    """The account of somebody whom the provider vouches for, made or given the provider's role if needed."""
    account = accounts.users.maybe_external(external.issuer, external.subject)
    if account is None:
        # A name that a local account has is refused, not joined: the provider does not own it.
        return accounts.users.add_external(external.name, external.role, external.issuer, external.subject)
    if account.is_disabled:
        raise AccountRefusedError(f"{account.name} is disabled here")
    if account.role is not external.role:
        accounts.users.set_role("provider", account.name, external.role)
        account = accounts.users.maybe_named(account.name) or account
    return account


def _refused(text: str, status: int) -> Response:
    return page("message.html", status, title="You are not signed in", text=text)
