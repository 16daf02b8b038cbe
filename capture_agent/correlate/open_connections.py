"""Connections that outlive a run of the agent: as one run hands them over, and as the next takes them in.

    octets = encode_handover(Handover(sensor, FINGERPRINT_SPEC, now_us, connections))
    handover = decode_handover(octets, sensor)      # raises UnusableHandover

Without them, each request on a connection older than a restarted agent is `midstream`. They are one block of
bytes: a line with the format's version, a digest, and msgpack.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Annotated

import msgspec

from capture_agent.correlate.epochs import ConnectionKey, Epoch, JoinableHello
from capture_agent.events import FINGERPRINT_SPEC

MAGIC = b"ja4-agent open connections 1\n"
DIGEST_BYTES = 16
MAX_CONNECTIONS = 131_072
"""As many as are followed at once by default; those that were used last are handed over."""
MAX_HANDOVER_BYTES = 64 << 20
"""At some 300 bytes each, more than all of them take."""

Natural = Annotated[int, msgspec.Meta(ge=0)]


class UnusableHandover(ValueError):  # noqa: N818 - named for what is refused
    """Bytes that no run of this sensor handed over to this version; the text says why."""


class OpenConnection(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A connection that was seen from its SYN on, and may carry more requests."""

    key: ConnectionKey
    conn_id: Natural
    opened_us: Natural
    touched_us: Natural
    closed_us: Natural | None
    """Set where it has ended, but requests of it may still be reported."""
    hello: JoinableHello | None
    hellos: Natural
    requests: Natural
    proxied_key: ConnectionKey | None


class Handover(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What one run of a sensor leaves to the next."""

    sensor: str
    fingerprint_spec: int
    handed_over_us: Natural
    """Packets were seen up to here. What happened on the same ports before the next run is unknown."""
    connections: tuple[OpenConnection, ...]


def open_connection(epoch: Epoch) -> OpenConnection:
    """What another run needs of an epoch."""
    return OpenConnection(
        key=epoch.key,
        conn_id=epoch.conn_id,
        opened_us=epoch.opened_us,
        touched_us=epoch.touched_us,
        closed_us=epoch.closed_us,
        hello=epoch.hello,
        hellos=epoch.hellos,
        requests=epoch.requests,
        proxied_key=epoch.proxied_key,
    )


def restored_epoch(connection: OpenConnection, handed_over_us: int) -> Epoch:
    """The epoch of a connection that nobody watched from `handed_over_us` on."""
    return Epoch(
        key=connection.key,
        conn_id=connection.conn_id,
        opened_us=connection.opened_us,
        touched_us=connection.touched_us,
        closed_us=connection.closed_us,
        hello=connection.hello,
        hellos=connection.hellos,
        requests=connection.requests,
        proxied_key=connection.proxied_key,
        unseen_from_us=handed_over_us,
    )


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Handover)


def encode_handover(handover: Handover) -> bytes:
    """At most MAX_CONNECTIONS of them, and MAX_HANDOVER_BYTES: those used last, in the order of that."""
    latest = sorted(handover.connections, key=_last_used)[-MAX_CONNECTIONS:]
    while True:
        body = _encode(msgspec.structs.replace(handover, connections=tuple(latest)))
        if len(MAGIC) + DIGEST_BYTES + len(body) <= MAX_HANDOVER_BYTES:
            return MAGIC + _digest(body) + body
        latest = latest[len(latest) // 2 + 1 :]


def decode_handover(octets: bytes, sensor: str) -> Handover:
    """What was handed over to `sensor`. Raises UnusableHandover."""
    if not octets.startswith(MAGIC):
        raise UnusableHandover("not written by this version of the agent")
    digest, body = octets[len(MAGIC) :][:DIGEST_BYTES], octets[len(MAGIC) + DIGEST_BYTES :]
    if digest != _digest(body):
        raise UnusableHandover("damaged")
    try:
        handover = _decoder.decode(body)
    except msgspec.DecodeError as error:
        raise UnusableHandover(f"not readable: {error}") from error
    if handover.sensor != sensor:
        raise UnusableHandover(f"of another sensor, {handover.sensor}")
    if handover.fingerprint_spec != FINGERPRINT_SPEC:
        raise UnusableHandover(f"its fingerprints follow rules {handover.fingerprint_spec}")
    return handover


def _last_used(connection: OpenConnection) -> int:
    return connection.touched_us


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=DIGEST_BYTES).digest()
