"""Signing in with a name and a password, and signing out."""

from __future__ import annotations

import asyncio
import secrets
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc_dashboard.access.caller import csrf_token
from soc_dashboard.access.cookies import Cookies
from soc_dashboard.access.forms import FormOutdatedError, caller_of, maybe_caller_of, read_form
from soc_dashboard.access.passwords import MAX_LENGTH
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.templates import page
from soc_dashboard.access.users import Account

MAX_NEXT = 2000


def login_router(accounts: Accounts, cookies: Cookies, provider_name: str) -> APIRouter:
    """Routes of the sign-in page; `provider_name` is empty without an OpenID provider."""
    router = APIRouter(include_in_schema=False)

    def login_page(
        request: Request, asked: str, status: int = 200, failure: str = "", name: str = ""
    ) -> Response:
        secret = request.cookies.get(cookies.login) or secrets.token_urlsafe(32)
        oidc_address = "/login/oidc?" + urlencode({"next": asked}) if provider_name else ""
        response = page(
            "login.html",
            status,
            csrf=csrf_token(secret),
            next=asked,
            failure=failure,
            name=name[:100],
            provider_name=provider_name,
            oidc_address=oidc_address,
        )
        cookies.set_login(response, secret)
        return response

    @router.get("/login")
    async def show(request: Request) -> Response:
        asked = local_path(request.query_params.get("next", "/"))
        if maybe_caller_of(request):
            return RedirectResponse(asked, 303)
        return login_page(request, asked)

    @router.post("/login")
    async def sign_in(request: Request) -> Response:
        try:
            form = await read_form(request, request.cookies.get(cookies.login))
        except FormOutdatedError:
            return login_page(request, "/", 400, "This page was open for too long. Please try again.")
        asked, name = local_path(form.text("next")), form.text("name").strip()
        password = form.text("password")[: MAX_LENGTH + 1]
        wait_s = max(
            accounts.address_limit.wait_s(request.client.host if request.client else ""),
            accounts.name_locks.wait_s(name),
        )
        if wait_s:
            failure = f"Too many attempts. Try again in {_in_words(wait_s)}."
            response = login_page(request, asked, 429, failure, name)
            response.headers["Retry-After"] = str(wait_s)
            return response
        # Counted before the answer is known, so that attempts sent at once cannot all slip through.
        failures = accounts.name_locks.failed(name)
        is_right = await asyncio.to_thread(accounts.users.is_password, name, password)
        account = accounts.users.maybe_named(name)
        if not is_right or account is None:
            accounts.log.note(name, "sign-in-failed", f"{failures} in a row")
            return login_page(request, asked, 401, "The name or the password is wrong.", name)
        accounts.name_locks.forgive(name)
        accounts.users.note_login(account, "password")
        return begun(accounts, cookies, request, account, asked)

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        try:
            await read_form(request)
        except FormOutdatedError:
            return RedirectResponse("/account", 303)
        caller = caller_of(request)
        if caller.maybe_session is not None:
            accounts.sessions.end(caller.maybe_session)
        response = RedirectResponse("/login", 303)
        cookies.clear(response)
        return response

    return router


def begun(
    accounts: Accounts, cookies: Cookies, request: Request, account: Account, asked: str
) -> RedirectResponse:
    """The answer that signs a browser in and sends it where it wanted to go."""
    secret = accounts.sessions.begin(account, request.headers.get("user-agent", ""))
    target = "/account/password?" + urlencode({"next": asked}) if account.must_change_password else asked
    response = RedirectResponse(target, 303)
    cookies.set_session(response, secret, accounts.sessions.absolute_s)
    return response


def local_path(text: str) -> str:
    """The path of ours that `text` is; the overview for anything that could lead elsewhere."""
    is_local = text.startswith("/") and not text.startswith(("//", "/\\")) and len(text) <= MAX_NEXT
    return text if is_local and text.isprintable() and "\\" not in text else "/"


def _in_words(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 90 else f"{-(-seconds // 60)} minutes"
