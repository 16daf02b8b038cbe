"""One's own account: password, sessions and tokens."""

from __future__ import annotations

import asyncio
from urllib.parse import urlencode

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc_dashboard.access.cookies import Cookies
from soc_dashboard.access.first_login import FIRST_ADMIN
from soc_dashboard.access.forms import FormOutdatedError, caller_of, read_form
from soc_dashboard.access.login_routes import begun, local_path
from soc_dashboard.access.passwords import MIN_LENGTH, PasswordRefusedError
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.roles import Role, Scope
from soc_dashboard.access.templates import page
from soc_dashboard.access.tokens import DEFAULT_DAYS, MAX_DAYS, TokenRefusedError
from soc_dashboard.access.words import SCOPE_WORDS, utc_words


def account_router(accounts: Accounts, cookies: Cookies) -> APIRouter:
    """Routes under /account."""
    router = APIRouter(prefix="/account", include_in_schema=False)

    def account_page(request: Request, status: int = 200, failure: str = "", made: str = "") -> Response:
        caller = caller_of(request)
        account = caller.account
        may_label = account.role.includes(Role.ANALYST)
        return page(
            "account.html",
            status,
            account=account,
            csrf=caller.csrf_token,
            failure=failure,
            made=made,
            sessions=accounts.sessions.of(account),
            own_session=caller.maybe_session,
            tokens=[token for token in accounts.tokens.of(account) if accounts.tokens.holds(token)],
            scopes=[
                (scope, words)
                for scope, words in SCOPE_WORDS.items()
                if scope is not Scope.LABELS or may_label
            ],
            default_days=DEFAULT_DAYS,
            max_days=MAX_DAYS,
            utc=utc_words,
            is_admin=account.role is Role.ADMIN,
        )

    def password_page(request: Request, asked: str, status: int = 200, failure: str = "") -> Response:
        caller = caller_of(request)
        return page(
            "password.html",
            status,
            account=caller.account,
            csrf=caller.csrf_token,
            next=asked,
            failure=failure,
            min_length=MIN_LENGTH,
        )

    @router.get("")
    async def show(request: Request) -> Response:
        return account_page(request)

    @router.get("/password")
    async def show_password(request: Request) -> Response:
        if not caller_of(request).account.is_local:
            return RedirectResponse("/account", 303)
        return password_page(request, local_path(request.query_params.get("next", "/")))

    @router.post("/password")
    async def change_password(request: Request) -> Response:
        try:
            form = await read_form(request)
        except FormOutdatedError:
            return password_page(request, "/", 400, "This page was open for too long. Please try again.")
        account = caller_of(request).account
        asked, chosen = local_path(form.text("next")), form.text("chosen")
        if not account.is_local:
            return RedirectResponse("/account", 303)
        if not account.must_change_password:
            if accounts.name_locks.wait_s(account.name):
                return password_page(request, asked, 429, "Too many attempts. Try again later.")
            accounts.name_locks.failed(account.name)
            present = form.text("present")
            if not await asyncio.to_thread(accounts.users.is_password, account.name, present):
                return password_page(request, asked, 401, "The present password is wrong.")
            accounts.name_locks.forgive(account.name)
        if chosen != form.text("again"):
            return password_page(request, asked, 422, "The two new passwords differ.")
        if await asyncio.to_thread(accounts.users.is_password, account.name, chosen):
            return password_page(request, asked, 422, "The new password is the old one.")
        try:
            await asyncio.to_thread(accounts.users.change_password, account, chosen)
        except PasswordRefusedError as refused:
            return password_page(request, asked, 422, f"{str(refused).capitalize()}.")
        if account.name == FIRST_ADMIN:
            accounts.first_login.used()
        changed = accounts.users.maybe_named(account.name)
        return begun(accounts, cookies, request, changed or account, asked)

    @router.post("/sessions/end-others")
    async def end_others(request: Request) -> Response:
        try:
            await read_form(request)
        except FormOutdatedError:
            return RedirectResponse("/account", 303)
        session = caller_of(request).maybe_session
        if session is not None:
            accounts.sessions.end_others(session)
        return RedirectResponse("/account", 303)

    @router.post("/tokens")
    async def make_token(request: Request) -> Response:
        try:
            form = await read_form(request)
        except FormOutdatedError:
            return account_page(request, 400, "This page was open for too long. Please try again.")
        account = caller_of(request).account
        scopes = [Scope(text) for text in form.texts("scope") if text in list(Scope)]
        days = form.text("days")
        try:
            made = accounts.tokens.make(
                account.name,
                account,
                form.text("name").strip(),
                scopes,
                int(days) if days.isascii() and days.isdigit() and len(days) < 5 else 0,
            )
        except TokenRefusedError as refused:
            return account_page(request, 422, f"{refused}.".capitalize())
        return account_page(request, made=made)

    @router.post("/tokens/{token_id}/revoke")
    async def revoke_token(request: Request, token_id: str) -> Response:
        try:
            await read_form(request)
        except FormOutdatedError:
            return RedirectResponse("/account", 303)
        account = caller_of(request).account
        accounts.tokens.revoke(account.name, token_id, account)
        return RedirectResponse("/account?" + urlencode({"revoked": token_id[:20]}), 303)

    return router
