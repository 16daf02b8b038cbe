"""The stylesheet of all panes: a file for each subject in `static/styles`, one request for the browser."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soc_dashboard.assets import STYLES, styles


def stylesheet_route() -> Route:
    """Serves the files as one. Put it before the mount of the static files, which has that prefix.

    Every pane has a shadow root that links it anew, so its address carries its hash and holds for ever.
    """
    text = styles()
    etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return Response(text, media_type="text/css", headers={"etag": etag})

    return Route(STYLES, serve)
