"""Turns the opening frames that an event of an HTTP/2 request carries into its fingerprint and header order.

Every request of a connection carries the same frames, so that no event depends on another that may be lost;
connections of one client build open with equal bytes, so nearly all of them are read once.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from capture_agent.events import HeaderOrderSource, HttpEvent
from capture_agent.fingerprint.http2_settings import h2_fingerprint
from capture_agent.wire.errors import Malformed
from capture_agent.wire.http2 import Http2Start, parse_http2_start
from capture_agent.wire.printable import printable

REMEMBERED_OPENINGS = 1_024
"""At up to 4 KiB each in mod_reqin_log: 4 MiB at most, and some 400 bytes each in practice."""
MAX_OPENING_BYTES = 8_192


@lru_cache(maxsize=REMEMBERED_OPENINGS)
def _read(frames: bytes) -> tuple[Http2Start, str] | None:
    try:
        start = parse_http2_start(frames)
    except Malformed:
        return None
    return start, h2_fingerprint(start)


def with_http2_start(event: HttpEvent) -> HttpEvent:
    """The event with `h2_fingerprint`, and its names in wire order if it is the connection's first request.

    The frames are dropped. Frames that cannot be read leave the event as the server wrote it.
    """
    frames = event.h2_start
    if frames is None:
        return event
    found = _read(frames) if len(frames) <= MAX_OPENING_BYTES else None
    if found is None:
        return msgspec.structs.replace(event, h2_start=None)
    start, fingerprint = found
    if event.h2_stream != start.first_stream:
        return msgspec.structs.replace(event, h2_start=None, h2_fingerprint=fingerprint)
    return msgspec.structs.replace(
        event,
        h2_start=None,
        h2_fingerprint=fingerprint,
        headers=_in_wire_order(start, event.headers),
        # The opening names them all, also where the server's table was cut.
        has_all_header_names=True,
        header_order_source=HeaderOrderSource.WIRE,
    )


def _in_wire_order(
    start: Http2Start, headers: tuple[tuple[str, str | None], ...]
) -> tuple[tuple[str, str | None], ...]:
    """Names from the wire, values from the server's table.

    The table holds the values of a repeated name joined under one entry: the first of the names gets it.
    """
    values: dict[str, str | None] = {}
    for name, value in headers:
        values.setdefault(name.lower(), value)
    names = [printable(name) for name in start.field_names]
    return tuple((name, values.pop(name.lower(), None)) for name in names)
