"""What a client did, told by a nonce that stands in the hello's server name and in every request's path.

Each connection has a nonce of its own. The hello that carries it is the one its requests belong to, whatever
addresses, ports and times say.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

DOMAIN = "shop.test"


def new_nonce() -> str:
    """A label that no other connection has."""
    return f"n-{secrets.token_hex(6)}"


def host_of(nonce: str) -> str:
    """The server name and Host of its connection."""
    return f"{nonce}.{DOMAIN}"


def path_of(nonce: str, stage: str) -> str:
    """The path of its requests."""
    return f"/{nonce}/{stage}"


@dataclass(frozen=True, slots=True)
class Sent:
    """Requests that a client sent over one connection and saw answered."""

    phase: str
    nonce: str
    requests: int
    stage: str = "open"
    """Tells the requests of one connection apart that the agent can see differently."""
    is_observable: bool = True
    """The hello of the connection passed while the agent ran that hears of these requests."""
    is_resumed: bool = False
    """The server accepted the session of an earlier connection."""
