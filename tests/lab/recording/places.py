"""Gives every address of the lab an invented one in a real network, by a stated law."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from sample_traffic.addresses import HOME, HOSTING, MOBILE, VPN, Network, invent_address

NETWORKS: dict[str, tuple[Network, ...]] = {"home": HOME, "mobile": MOBILE, "vpn": VPN, "hosting": HOSTING}
MEDIAN_RTT_US = {"home": 24_000, "mobile": 55_000, "vpn": 48_000, "hosting": 28_000}
LAWS = {
    "person": {"home": 76, "mobile": 12, "vpn": 8, "hosting": 4},
    "phone": {"home": 35, "mobile": 60, "vpn": 5},
    "benign_program": {"home": 30, "hosting": 65, "vpn": 5},
    "bot": {"home": 47, "hosting": 40, "vpn": 8, "mobile": 5},
}
"""Percent. Bots buy addresses in homes as readily as in data centres, and some people work from there."""
BENIGN_PROGRAMS = ("rss_reader", "uptime_monitor")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client is said to be."""

    address: str
    network: str
    hops: int
    rtt_us: int


def place_for(tier: str, is_bot: bool, rng: random.Random, taken: set[str]) -> Place:
    """A place that nobody has; adds its address to `taken`."""
    if is_bot:
        law = LAWS["bot"]
    elif tier in BENIGN_PROGRAMS:
        law = LAWS["benign_program"]
    else:
        law = LAWS["phone" if tier == "mobile" else "person"]
    kind = rng.choices(tuple(law), tuple(law.values()))[0]
    return Place(
        address=invent_address(rng.choice(NETWORKS[kind]), rng, taken),
        network=kind,
        hops=rng.randint(5, 18),
        rtt_us=int(rng.lognormvariate(math.log(MEDIAN_RTT_US[kind]), 0.5)),
    )
