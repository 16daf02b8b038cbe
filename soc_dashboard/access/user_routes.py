"""What admins do with the accounts of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from soc_dashboard.access.forms import FormOutdatedError, caller_of, read_form
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.roles import Role
from soc_dashboard.access.templates import page
from soc_dashboard.access.users import AccountRefusedError
from soc_dashboard.access.words import ROLE_WORDS, utc_words

SHOWN_ENTRIES = 100
OUTDATED = "This page was open for too long. Please try again."


def user_router(accounts: Accounts) -> APIRouter:
    """Routes under /users."""
    router = APIRouter(prefix="/users", include_in_schema=False)

    def users_page(
        request: Request, status: int = 200, failure: str = "", made: tuple[str, str] = ("", "")
    ) -> Response:
        caller = caller_of(request)
        return page(
            "users.html",
            status,
            account=caller.account,
            csrf=caller.csrf_token,
            failure=failure,
            made=made,
            users=accounts.users.all(),
            tokens=[token for token in accounts.tokens.all() if accounts.tokens.holds(token)],
            roles=ROLE_WORDS,
            entries=accounts.log.newest(SHOWN_ENTRIES),
            utc=utc_words,
            is_admin=True,
        )

    async def changed(request: Request, change: Callable[[str], None]) -> Response:
        """Make a change in the caller's name and show the page again, or say why not."""
        try:
            await read_form(request)
            change(caller_of(request).account.name)
        except FormOutdatedError:
            return users_page(request, 400, OUTDATED)
        except AccountRefusedError as refused:
            return users_page(request, 422, f"{refused}.")
        return RedirectResponse("/users", 303)

    @router.get("")
    async def show(request: Request) -> Response:
        return users_page(request)

    @router.post("")
    async def add(request: Request) -> Response:
        try:
            form = await read_form(request)
            name, role = form.text("name").strip(), form.text("role")
            if role not in list(Role):
                raise AccountRefusedError("a role is viewer, analyst or admin")
            actor = caller_of(request).account.name
            password = await asyncio.to_thread(accounts.users.add, actor, name, Role(role))
        except FormOutdatedError:
            return users_page(request, 400, OUTDATED)
        except AccountRefusedError as refused:
            return users_page(request, 422, f"{refused}.")
        return users_page(request, made=(name, password))

    @router.post("/{name}/reset")
    async def reset(request: Request, name: str) -> Response:
        try:
            await read_form(request)
            actor = caller_of(request).account.name
            password = await asyncio.to_thread(accounts.users.reset_password, actor, name)
        except FormOutdatedError:
            return users_page(request, 400, OUTDATED)
        except AccountRefusedError as refused:
            return users_page(request, 422, f"{refused}.")
        accounts.name_locks.forgive(name)
        return users_page(request, made=(name, password))

    @router.post("/{name}/role/{role}")
    async def set_role(request: Request, name: str, role: Role) -> Response:
        return await changed(request, lambda actor: accounts.users.set_role(actor, name, role))

    @router.post("/{name}/disable")
    async def disable(request: Request, name: str) -> Response:
        return await changed(
            request, lambda actor: accounts.users.set_disabled(actor, name, is_disabled=True)
        )

    @router.post("/{name}/enable")
    async def enable(request: Request, name: str) -> Response:
        return await changed(
            request, lambda actor: accounts.users.set_disabled(actor, name, is_disabled=False)
        )

    @router.post("/tokens/{token_id}/revoke")
    async def revoke(request: Request, token_id: str) -> Response:
        def change(actor: str) -> None:
            accounts.tokens.revoke(actor, token_id, None)

        return await changed(request, change)

    return router
