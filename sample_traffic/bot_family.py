"""One family of bots: which recorded client it uses, what it asks for, how often, from where."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from sample_traffic.addresses import HOSTING, Network
from sample_traffic.bot_targets import Target
from sample_traffic.sites import Site

SECOND_US = 1_000_000


def every(seconds: float, jitter: float = 0.01) -> Callable[[random.Random], int]:
    """A timer; `jitter` is the relative standard deviation."""
    return lambda rng: max(1000, int(rng.gauss(seconds, seconds * jitter) * SECOND_US))


def about(seconds: float, sigma: float = 0.6) -> Callable[[random.Random], int]:
    """Random pauses with this median: a program that sleeps at random to look less regular."""
    return lambda rng: int(rng.lognormvariate(math.log(seconds), sigma) * SECOND_US)


@dataclass(frozen=True, slots=True)
class Family:
    """Bots of one make. `bursts` a day of `burst` requests each; 0 bursts: `burst` requests every hour."""

    name: str
    tier: str
    clients: tuple[str, ...]
    """Recorded clients; each bot is one of them in turn."""
    count: int
    """Bots at scale 1."""
    site: Site
    target: Callable[[int, random.Random], Target]
    pause: Callable[[random.Random], int]
    burst: int
    bursts: int
    per_connection: int = 100
    networks: tuple[Network, ...] = HOSTING
    agents: tuple[str, ...] = ()
    """User agents put in place of the program's own."""
    is_browser: bool = False
    hides_headless: bool = False
    is_hello_only: bool = False
    """It closes each connection after the handshake: nothing of it is in the server's log."""
    rotates: bool = False
    """Each bot uses all of `clients`, one for each connection."""
    referer: str | None = None
    """Referer added to every request, whatever the recorded Sec-Fetch-Site says."""
    keeps_cookies: bool = False
    """From its second request on it sends back the cookies of the site."""
    asked_host: str | None = None
    """Host that requests name while the hello names `site`."""
