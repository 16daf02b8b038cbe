"""How the invented server answers: size and time depend on what is asked, never on who asks."""

from __future__ import annotations

import random
from zlib import crc32

NOT_FOUND_BYTES = 1_240

_STATIC = (".css", ".js", ".jpg", ".svg", ".ico")
_INTERFACE = ("/api/", "/v1/", "/live/")
_BODY_BYTES = {200: None, 301: 240, 304: 0, 401: 890, 403: NOT_FOUND_BYTES, 404: NOT_FOUND_BYTES, 500: 3_100}
_LOG_MEDIAN_US = {"static": 7.8, "interface": 9.2, "error": 8.6, "page": 10.5}
"""Natural logarithms of 2.4 ms, 10 ms, 5 ms and 36 ms."""


def response_bytes(host: str, uri: str, status: int = 200) -> int:
    """Size of the body; the same address always has the same size."""
    fixed = _BODY_BYTES[status]
    if fixed is not None:
        return fixed
    noise = crc32(f"{host}{uri}".encode())
    if _part(uri) == "static":
        return 4_000 + noise % 60_000
    if _part(uri) == "interface":
        return 80 + noise % 900
    return 6_000 + noise % 40_000


def duration_us(uri: str, status: int, rng: random.Random) -> int:
    """Time from request to the end of the response on the server."""
    part = "error" if status >= 400 else _part(uri)
    return int(rng.lognormvariate(_LOG_MEDIAN_US[part], 0.5))


def _part(uri: str) -> str:
    if uri.endswith(_STATIC):
        return "static"
    return "interface" if uri.startswith(_INTERFACE) else "page"
