"""ETags: a client that has the figures already is told so, and is sent nothing (RFC 9110 section 13.1.2)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

VOLATILE = ("as_of", "span", "newest_age_s", "age_s")
"""Fields that move with the clock. The tag is weak because it leaves them out: it says that the figures are
the same, not the bytes."""
UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "the figures are those of the tag in `If-None-Match`"}
}
TAG_BYTES = 16


class EtagRoute(APIRoute):
    """A route whose answers to GET carry a tag, and which answers 304 to those who have it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler with tags."""
        handler = super().get_route_handler()

        async def tagged(request: Request) -> Response:
            response = await handler(request)
            is_json = response.headers.get("content-type") == "application/json"
            if request.method != "GET" or response.status_code != 200 or not is_json:
                return response
            tag = etag(bytes(response.body))
            headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
            if matches(request.headers.get("if-none-match", ""), tag):
                return Response(status_code=304, headers=headers)
            response.headers.update(headers)
            return response

        return tagged


def etag(body: bytes) -> str:
    """The weak tag of a JSON object."""
    content = msgspec.json.decode(body)
    if isinstance(content, dict):
        content = {name: value for name, value in content.items() if name not in VOLATILE}
    digest = hashlib.blake2b(msgspec.json.encode(content), digest_size=TAG_BYTES).hexdigest()
    return f'W/"{digest}"'


def matches(asked: str, tag: str) -> bool:
    """Whether the header `If-None-Match` names the tag, compared weakly."""
    wanted = {name.strip().removeprefix("W/") for name in asked.split(",")}
    return "*" in wanted or tag.removeprefix("W/") in wanted
