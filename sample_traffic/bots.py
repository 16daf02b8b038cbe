"""Bots: programs that name themselves, programs that do not, driven browsers; one table of families."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from sample_traffic.addresses import HOME, HOSTING, HOSTING_V6, invent_address
from sample_traffic.bot_families import FAMILIES
from sample_traffic.bot_family import SECOND_US, Family
from sample_traffic.browsers import recorded_browser
from sample_traffic.browsing import BrowserRun
from sample_traffic.connections import Client, Connection, Headers, Server
from sample_traffic.hello_template import HelloTemplate
from sample_traffic.people import DAY_US, HOUR_US
from sample_traffic.recorded import RecordedClient
from sample_traffic.sample_files import Truth
from sample_traffic.tcp_stack import WINDOWS, recorded_stack

_BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_WINDOWS_AT_HOME = 0.3
"""Bots in homes run on people's machines, and some of those are Windows."""
_ACCESS_MSS = (1460, 1460, 1452, 1400)


@dataclass(frozen=True, slots=True)
class Guise:
    """A recorded client as a bot uses it: its handshakes, and the headers it sends."""

    client: Client
    requests: tuple[tuple[str, Headers], ...]
    """(protocol, headers) as recorded, with what the family changes in them."""


@dataclass(slots=True)
class Bot:
    """One bot: a family's habits at one address."""

    key: str
    family: Family
    server: Server
    guises: tuple[Guise, ...]
    """Used in turn, one for each connection."""
    run: BrowserRun | None
    window_shift: float
    """Where in the day its bursts lie, 0 to 1; equal within a distributed family."""
    sent: int = 0
    connected: int = 0

    def visit_starts(self, start_us: int, end_us: int, rng: random.Random) -> Iterator[int]:
        """When bursts begin: each hour, at random, or in one stretch of hours for a distributed family."""
        bursts = round(self.family.bursts * (end_us - start_us) / DAY_US)
        if self.family.bursts == 0:
            offset_us = rng.randrange(60 * SECOND_US)
            yield from range(start_us + offset_us, end_us, HOUR_US)
        elif self.family.tier == "distributed":
            first_us = start_us + int(self.window_shift * max(0, end_us - start_us - bursts * HOUR_US))
            yield from (first_us + hour * HOUR_US for hour in range(max(1, bursts)))
        else:
            yield from (rng.randrange(start_us, end_us) for _ in range(max(1, bursts)))

    def visit(self, now_us: int, rng: random.Random) -> None:
        """One burst; it stops within the hour, so that an hourly bot does not run into itself."""
        if self.run is not None:
            self._browse(self.run, now_us, rng)
        elif self.family.is_hello_only:
            self._survey(now_us, rng)
        else:
            self._ask(now_us, now_us + HOUR_US - 90 * SECOND_US, rng)

    def _connect(self, now_us: int, rng: random.Random) -> tuple[Connection, Guise]:
        guise = self.guises[self.connected % len(self.guises)]
        self.connected += 1
        return Connection(self.server, guise.client, self.family.site.host, now_us, rng), guise

    def _ask(self, now_us: int, limit_us: int, rng: random.Random) -> None:
        connection, guise = self._connect(now_us, rng)
        for _ in range(self.family.burst):
            if now_us > limit_us:
                break
            target = self.family.target(self.sent, rng)
            if connection.requests >= self.family.per_connection or not connection.is_open_at(now_us):
                connection.close(connection.last_us + rng.randint(200, 40_000))
                connection, guise = self._connect(now_us, rng)
            proto, headers = guise.requests[self.sent % len(guise.requests)]
            cookies = self.family.site.cookies if self.family.keeps_cookies and self.sent else ()
            ended_us = connection.request(
                now_us,
                rng,
                method=target.method,
                uri=target.uri,
                proto=proto,
                headers=_with_late(headers, cookies, target.posted_bytes),
                status=target.status,
                cookie_names=cookies,
                host=self.family.asked_host,
            )
            self.sent += 1
            now_us = ended_us + self.family.pause(rng)
        connection.close(connection.last_us + rng.randint(200, 40_000), reset=rng.random() < 0.2)

    def _browse(self, run: BrowserRun, now_us: int, rng: random.Random) -> None:
        run.forget()
        for _ in range(self.family.burst):
            page = self.family.site.some_page(rng)
            now_us = run.load(now_us, self.family.site, page, rng, referer=None, fetch_site="none")
            now_us += self.family.pause(rng)
        run.leave(now_us, rng)

    def _survey(self, now_us: int, rng: random.Random) -> None:
        for _ in range(self.family.burst):
            connection, _guise = self._connect(now_us, rng)
            connection.close(connection.ready_us + rng.randint(500, 90_000), reset=rng.random() < 0.5)
            now_us = connection.ready_us + self.family.pause(rng)


def bots(
    server: Server,
    recording: dict[str, RecordedClient],
    hellos: dict[str, tuple[HelloTemplate, ...]],
    scale: float,
    rng: random.Random,
    taken: set[str],
) -> list[Bot]:
    """Bots of all families; a small scale has the first of each family before the second of any."""
    wanted = max(1, round(sum(family.count for family in FAMILIES) * scale))
    ranked = sorted(
        (rank, order)
        for order, family in enumerate(FAMILIES)
        for rank in range(family.count * math.ceil(scale))
    )
    window_shift = rng.random()
    return [
        _bot(FAMILIES[order], rank, server, recording, hellos, window_shift, rng, taken)
        for rank, order in ranked[:wanted]
    ]


def _bot(
    family: Family,
    rank: int,
    server: Server,
    recording: dict[str, RecordedClient],
    hellos: dict[str, tuple[HelloTemplate, ...]],
    window_shift: float,
    rng: random.Random,
    taken: set[str],
) -> Bot:
    network = rng.choice(family.networks)
    address = invent_address(network, rng, taken)
    is_at_home = network in HOME
    is_windows = is_at_home and rng.random() < _WINDOWS_AT_HOME
    mss = 1460 if network in HOSTING else 1440 if network in HOSTING_V6 else rng.choice(_ACCESS_MSS)
    hops, rtt_us = rng.randint(5, 18), int(rng.lognormvariate(math.log(28_000), 0.6))
    clock = rng.getrandbits(32)
    agent = family.agents[rank % len(family.agents)] if family.agents else ""
    names = family.clients if family.rotates else (family.clients[rank % len(family.clients)],)
    guises = tuple(
        Guise(
            client=Client(
                address=address,
                stack=WINDOWS if is_windows else recorded_stack(recording[name].handshakes[0]),
                mss=mss,
                hops=hops,
                rtt_us=rtt_us,
                hellos=hellos[name],
                truth=Truth("bot", family.tier, family.name),
                clock=clock,
            ),
            requests=tuple(
                dict.fromkeys(
                    (event.proto, _dressed(event.headers, family, agent))
                    for event in recording[name].requests
                )
            ),
        )
        for name in names
    )
    run = None
    if family.is_browser:
        browser = recorded_browser(recording[names[0]], hides_headless=family.hides_headless)
        run = BrowserRun(server, guises[0].client, browser, None)
    return Bot(
        key=f"{family.name}{rank}",
        family=family,
        server=server,
        guises=guises,
        run=run,
        window_shift=window_shift,
    )


def _dressed(headers: Headers, family: Family, agent: str) -> Headers:
    """Recorded headers for the family's host, with the user agent and Referer that the family adds."""
    changed: dict[str, str] = {"host": family.asked_host or family.site.host}
    if agent:
        changed["user-agent"] = agent
        if agent.startswith("Mozilla") and "compatible" not in agent:
            changed["accept"] = _BROWSER_ACCEPT
    dressed = tuple((name, changed.get(name.lower(), value)) for name, value in headers)
    if family.referer is None:
        return dressed
    return (*dressed[:-1], ("Referer", family.referer), dressed[-1])


def _with_late(headers: Headers, cookies: tuple[str, ...], posted_bytes: int | None) -> Headers:
    """`headers` with those of this one request before the last: a library appends what it is given."""
    late: list[tuple[str, str | None]] = [("Cookie", None)] if cookies else []
    if posted_bytes is not None:
        late += [
            ("Content-Length", str(posted_bytes)),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ]
    return (*headers[:-1], *late, headers[-1])
