"""A request that was read off the wire and waits for the end of its response."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from capture_agent.flows.flow_events import ConnectionEpoch, HttpExchange
from capture_agent.wire.http1 import Field

NO_STATUS = 0
"""The response was not seen."""


class ReadingEnd(StrEnum):
    """Why no more requests are read of a connection, or of one of its directions."""

    CLOSED = "closed"
    OTHER_PROTOCOL = "other_protocol"
    """It does not begin as HTTP, or became a tunnel or a WebSocket."""
    MALFORMED = "malformed"
    OVERSIZE = "oversize"
    """A head was longer than is held."""
    GAP = "gap"
    """Bytes are missing that could have been a head's."""
    FULL = "full"
    """It made way for others, or too many requests waited for their responses."""


class Pending(msgspec.Struct, eq=False, gc=False):
    """Facts of the request, and what has been seen of its response."""

    number: int
    began_us: int
    method: bytes
    scheme: bytes | None
    target: bytes
    version: bytes
    authority: bytes | None
    fields: tuple[Field, ...]
    held_bytes: int
    request_bytes: int = 0
    response_bytes: int = 0
    status: int = NO_STATUS
    stream: int | None = None


def exchange_of(
    pending: Pending, epoch: ConnectionEpoch, ended_us: int, h2_fingerprint: str | None = None
) -> HttpExchange:
    """The flow event of a request that will not be followed any further."""
    return HttpExchange(
        epoch=epoch,
        ts_us=pending.began_us,
        ended_us=ended_us,
        number=pending.number,
        method=pending.method,
        scheme=pending.scheme,
        target=pending.target,
        version=pending.version,
        authority=pending.authority,
        fields=pending.fields,
        status=pending.status,
        request_bytes=pending.request_bytes if pending.stream is None else None,
        response_bytes=pending.response_bytes,
        stream=pending.stream,
        h2_fingerprint=h2_fingerprint,
    )
