"""What a canary request says of itself, and how the agent knows that it is one.

The nonce of a request is `<run>-<connection>-<number>`: a random name of the canary's run, the number of the
connection in the run, and the number of the request in the run. The first two stand in the server name of the
connection's hello, in the clear; all three stand in the User-Agent with the time and a message authentication
code (HMAC, RFC 2104, over SHA-256, 128 bits of it) by a key that only canary and agents have. So nobody who
sees the hello on the wire can make a request that counts, and a request's number tells how many went before.

User-Agent, because every web server's log has it: a header of its own would need a change on each server.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

PRODUCT = "ja4-canary/1"
PREFIX = f"{PRODUCT} "
MIN_SECRET_BYTES = 16
MAX_AGE_US = 300_000_000
"""How far the clocks of canary and server may be apart: five minutes, as Kerberos allows. A tighter limit
refuses hosts without good time, a looser one lets those who read the server's log repeat a request."""
TAG_HEX_DIGITS = 32
_USER_AGENT = re.compile(
    r"ja4-canary/1 ([0-9a-f]{16}-[0-9]{1,12}-[0-9]{1,12}) ([0-9]{1,12}) ([0-9a-f]{32})", re.ASCII
)
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class CanaryKey:
    """The secret that canary and agents share."""

    secret: bytes

    def __post_init__(self) -> None:
        if len(self.secret) < MIN_SECRET_BYTES:
            raise ValueError(f"the canary's secret has {len(self.secret)} bytes, at least {MIN_SECRET_BYTES}")

    def __repr__(self) -> str:
        return "CanaryKey(...)"

    def user_agent(self, nonce: str, now_s: int) -> str:
        """The User-Agent of one request."""
        return f"{PREFIX}{nonce} {now_s} {self._tag(nonce, str(now_s))}"

    def maybe_nonce(self, user_agent: str, t_us: int) -> str | None:
        """The nonce, if the request of `t_us` (us since the epoch) is a canary's; None for all others."""
        if not user_agent.startswith(PREFIX):
            return None
        found = _USER_AGENT.fullmatch(user_agent)
        if found is None:
            return None
        nonce, sent_s, tag = found.groups()
        if abs(t_us - int(sent_s) * US_PER_S) > MAX_AGE_US:
            return None
        return nonce if hmac.compare_digest(tag, self._tag(nonce, sent_s)) else None

    def _tag(self, nonce: str, sent_s: str) -> str:
        said = f"{PREFIX}{nonce} {sent_s}".encode()
        return hmac.digest(self.secret, said, "sha256").hex()[:TAG_HEX_DIGITS]


def server_name_label(run: str, connection: int) -> str:
    """First label of the server name in the hello of a connection."""
    return f"{run}-{connection}"


def request_nonce(run: str, connection: int, number: int) -> str:
    """Nonce of one request; `server_name_label` of its connection is what stands before its last hyphen."""
    return f"{server_name_label(run, connection)}-{number}"
