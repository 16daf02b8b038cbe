"""What is known of one network (autonomous system) over a window."""

from __future__ import annotations

from datetime import datetime

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import span_parameters
from soc_dashboard.store.rows import Row
from soc_dashboard.window import Window

LARGEST_ASN = 2**32 - 1


class Network(Row, frozen=True, kw_only=True):
    """network: one autonomous system over the window."""

    kind: str
    """hosting, isp, mobile, education, or '' if unknown."""
    connections: int
    login_failures: int
    response_bytes: int
    first_ts: datetime
    last_ts: datetime


async def maybe_network(marts: MartDatabase, asn: int, window: Window) -> Network | None:
    """The network's totals; None when it sent nothing in the window."""
    found = await marts.fetch("network", Network, {**span_parameters(window), "asn": asn})
    return found[0] if found else None


def maybe_asn(text: str) -> int | None:
    """Number of an autonomous system as a person writes it, `64500` or `AS64500`; None for anything else."""
    digits = text.strip().upper().removeprefix("AS")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 10):
        return None
    number = int(digits)
    return number if number <= LARGEST_ASN else None
