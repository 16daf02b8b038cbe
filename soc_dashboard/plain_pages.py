"""Pages without a live connection: an address that leads nowhere, and a page that could not be made."""

from __future__ import annotations

from http import HTTPStatus

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from soc_dashboard.assets import asset

_PAGE = Markup(
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>{} · ja4-platform</title>'
    '<script src="{}"></script><link rel="icon" href="{}"><link rel="stylesheet" href="{}">'
    '<link rel="stylesheet" href="{}"></head><body>{}</body></html>'
)
_BODY = Markup(
    '<main class="plain"><h1>{}</h1><p>{}</p><p class="muted">{}</p><nav aria-label="Where to go">'
    '<a href="/">Overview</a><a href="/requests">Requests</a><a href="/fingerprints">Fingerprints</a></nav>'
    "</main>"
)
MAX_PATH = 200


def wants_html(request: Request) -> bool:
    """A browser asks for a page, not a program for data."""
    path = request.url.path
    return "text/html" in request.headers.get("accept", "") and not path.startswith(("/api/", "/export/"))


def plain_page(request: Request, status: int, detail: str) -> HTMLResponse:
    """A page that says what went wrong, and where to go from there."""
    shown = request.url.path[:MAX_PATH]
    if status == HTTPStatus.NOT_FOUND:
        title, words = "There is no such page", f"Nothing is at {shown}."
    else:
        title, words = HTTPStatus(status).phrase, detail
    return HTMLResponse(_document(title, words, f"Status {status}."), status_code=status)


def _document(title: str, words: str, note: str) -> str:
    return str(
        _PAGE.format(
            title,
            asset("shell.js"),
            asset("favicon.svg"),
            asset("fonts.css"),
            asset("plain.css"),
            _BODY.format(title, words, note),
        )
    )
