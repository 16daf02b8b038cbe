"""Forms that browsers send: read within bounds, and only if one of our own pages made them."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from soc_dashboard.access.caller import Caller, csrf_token

MAX_FORM_BYTES = 16 * 1024
MAX_FIELDS = 50
MEDIA_TYPE = "application/x-www-form-urlencoded"


class FormOutdatedError(Exception):
    """The form is not of this session, or is no form of ours."""


class Form:
    """The fields of one form."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def text(self, name: str) -> str:
        """The field's value; empty if it was not sent."""
        return next((value for key, value in self._pairs if key == name), "")

    def texts(self, name: str) -> list[str]:
        """Every value of a field, such as ticked boxes."""
        return [value for key, value in self._pairs if key == name]


async def read_form(request: Request, maybe_secret: str | None = None) -> Form:
    """The form in the body. Raises FormOutdatedError without the token that our page put into it.

    The token belongs to the session, or, before there is one, to `maybe_secret` from the sign-in page's
    cookie. Raises HTTPException 413 or 415 for what is no form.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise HTTPException(415, f"a form is {MEDIA_TYPE}")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_FORM_BYTES:
            raise HTTPException(413, f"a form has at most {MAX_FORM_BYTES} bytes")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise HTTPException(415, f"a form is {MEDIA_TYPE}") from None
    form = Form(pairs)
    caller = maybe_caller_of(request)
    expected = caller.csrf_token if caller else csrf_token(maybe_secret) if maybe_secret else ""
    if not expected or not hmac.compare_digest(form.text("csrf").encode(), expected.encode()):
        raise FormOutdatedError
    return form


def maybe_caller_of(request: Request) -> Caller | None:
    """Who the gate found behind a request."""
    state: dict[str, Any] = request.scope.get("state", {})
    caller = state.get("caller")
    return caller if isinstance(caller, Caller) else None


def caller_of(request: Request) -> Caller:
    """Who the gate found behind a request to a route that needs somebody."""
    caller = maybe_caller_of(request)
    if caller is None:
        raise HTTPException(401, "sign in first")
    return caller
