"""The stylesheet of all panes: a file for each subject in `static/styles`, one request for the browser."""

from __future__ import annotations

import hashlib
from importlib import resources

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soc_dashboard.components.markup import STYLESHEET

FIRST = "base.css"
"""What the other files build on; their own order means nothing, for each is about its own classes."""


def stylesheet_route() -> Route:
    """Serves the files as one. Put it before the mount of the static files, which has that prefix.

    One file that is fresh for a minute, because every pane has a shadow root that links it anew.
    """
    text = _joined()
    etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    async def serve(request: Request) -> Response:
        headers = {"etag": etag, "cache-control": "max-age=60"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(text, media_type="text/css", headers=headers)

    return Route(STYLESHEET, serve)


def _joined() -> bytes:
    folder = resources.files("soc_dashboard").joinpath("static", "styles")
    files = sorted(folder.iterdir(), key=lambda file: (file.name != FIRST, file.name))
    return b"\n".join(file.read_bytes() for file in files)
