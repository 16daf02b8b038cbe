"""The stylesheet of all panes: a file for each subject in `static/styles`, one request for the browser."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from soc_dashboard.assets import PAINTED_STYLES, STYLES, painted_styles, styles


def stylesheet_routes() -> list[Route]:
    """Serve the files as one, for panes and for the first paint. Put them before the mount of the static
    files, which has that prefix.

    Every pane has a shadow root that links it anew, so the address carries its hash and holds for ever.
    """
    return [_route(STYLES, styles()), _route(PAINTED_STYLES, painted_styles())]


def _route(path: str, text: bytes) -> Route:
    etag = f'"{hashlib.sha256(text).hexdigest()[:32]}"'

    async def serve(request: Request) -> Response:
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"etag": etag})
        return Response(text, media_type="text/css", headers={"etag": etag})

    return Route(path, serve)
