"""What somebody hears who may not: a page for people, a problem document for programs."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from soc_dashboard.access.caller import Answer
from soc_dashboard.access.headers import ASSETS
from soc_dashboard.access.templates import page
from soc_dashboard.api.problems import problem

API = "/api/"
_REALM = 'Bearer realm="ja4-platform"'


def is_api(path: str) -> bool:
    """Whether programs ask here, and are answered in JSON."""
    return path.startswith(API) or path == API.rstrip("/")


def refusal(request: Request, answer: Answer) -> Response:
    """The response in place of what was asked for."""
    path = request.url.path
    if is_api(path):
        return _api_refusal(request, answer)
    is_page = request.method in {"GET", "HEAD"} and not path.startswith(ASSETS)
    if answer is Answer.SIGN_IN and is_page:
        asked = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/login" + ("?" + urlencode({"next": asked}) if asked != "/" else ""), 303)
    if answer is Answer.SIGN_IN:
        return PlainTextResponse("sign in first", 401)
    if answer is Answer.CHANGE_PASSWORD and is_page:
        return RedirectResponse("/account/password", 303)
    if is_page:
        return page(
            "message.html",
            403,
            title="Not for your role",
            text="This page needs a role that you do not have. An admin can give it to you.",
        )
    return PlainTextResponse("this is not for your role", 403)


def _api_refusal(request: Request, answer: Answer) -> Response:
    if answer is Answer.SIGN_IN:
        response = problem(
            request, 401, "Sign in, or send a token that holds: `Authorization: Bearer ja4_…`."
        )
        response.headers["WWW-Authenticate"] = _REALM
        return response
    if answer is Answer.CHANGE_PASSWORD:
        return problem(request, 403, "Choose a new password first, at /account/password.")
    return problem(request, 403, "Your role, or the scope of your token, does not allow this.")
