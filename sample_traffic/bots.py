"""Bots: programs that name themselves, programs that do not, driven browsers; one table of families."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from sample_traffic.addresses import invent_address
from sample_traffic.bot_families import FAMILIES, SECOND_US, Family
from sample_traffic.browsers import recorded_browser
from sample_traffic.browsing import BrowserRun
from sample_traffic.connections import Client, Connection, Headers, Server
from sample_traffic.hello_template import HelloTemplate
from sample_traffic.people import DAY_US, HOUR_US
from sample_traffic.recorded import RecordedClient
from sample_traffic.sample_files import Truth
from sample_traffic.tcp_stack import LINUX

_BROWSER_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(slots=True)
class Bot:
    """One bot: a family's habits at one address."""

    key: str
    family: Family
    server: Server
    client: Client
    requests: tuple[tuple[str, Headers], ...]
    """(protocol, headers) as recorded, with the agent replaced where the family does so."""
    run: BrowserRun | None
    window_shift: float
    """Where in the day its bursts lie, 0 to 1; equal within a distributed family."""
    sent: int = 0

    def visit_starts(self, start_us: int, end_us: int, rng: random.Random) -> Iterator[int]:
        """When bursts begin: each hour, at random, or in one stretch of hours for a distributed family."""
        bursts = round(self.family.bursts * (end_us - start_us) / DAY_US)
        if self.family.bursts == 0:
            offset_us = rng.randrange(60 * SECOND_US)
            yield from range(start_us + offset_us, end_us, HOUR_US)
        elif self.family.tier == "distributed":
            first_us = start_us + int(self.window_shift * max(0, end_us - start_us - bursts * HOUR_US))
            yield from (first_us + hour * HOUR_US for hour in range(bursts))
        else:
            yield from (rng.randrange(start_us, end_us) for _ in range(max(1, bursts)))

    def visit(self, now_us: int, rng: random.Random) -> None:
        """One burst; one that would run into the next hour of an hourly bot stops before it."""
        limit_us = now_us + HOUR_US - 90 * SECOND_US
        if self.run is not None:
            self._browse(self.run, now_us, rng)
        elif self.family.is_hello_only:
            self._survey(now_us, rng)
        else:
            self._ask(now_us, limit_us, rng)

    def _ask(self, now_us: int, limit_us: int, rng: random.Random) -> None:
        connection: Connection | None = None
        for _ in range(self.family.burst):
            if now_us > limit_us:
                break
            target = self.family.target(self.sent, rng)
            if (
                connection is None
                or connection.requests >= self.family.per_connection
                or not connection.is_open_at(now_us)
            ):
                if connection is not None:
                    connection.close(connection.last_us + rng.randint(200, 40_000))
                connection = Connection(self.server, self.client, self.family.site.host, now_us, rng)
            proto, headers = self.requests[self.sent % len(self.requests)]
            ended_us = connection.request(
                now_us,
                method=target.method,
                uri=target.uri,
                proto=proto,
                headers=_posting(headers, target.posted_bytes),
                status=target.status,
                response_bytes=target.response_bytes,
                duration_us=int(rng.lognormvariate(9.6, 0.5)),
            )
            self.sent += 1
            now_us = ended_us + self.family.pause(rng)
        if connection is not None:
            connection.close(connection.last_us + rng.randint(200, 40_000), reset=rng.random() < 0.2)

    def _browse(self, run: BrowserRun, now_us: int, rng: random.Random) -> None:
        run.forget()
        for _ in range(self.family.burst):
            page = self.family.site.some_page(rng)
            self.sent += 1
            now_us = run.load(now_us, self.family.site, page, rng, referer=None, fetch_site="none")
            now_us += self.family.pause(rng)
        run.leave(now_us, rng)

    def _survey(self, now_us: int, rng: random.Random) -> None:
        for _ in range(self.family.burst):
            connection = Connection(self.server, self.client, self.family.site.host, now_us, rng)
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
    """Bots of all families; at a small scale the first of each family come first."""
    wanted = max(1, round(sum(family.count for family in FAMILIES) * scale))
    ranked = sorted(
        (rank, order)
        for order, family in enumerate(FAMILIES)
        for rank in range(family.count * max(1, round(scale)))
    )
    shift = rng.random()
    return [
        _bot(FAMILIES[order], rank, server, recording, hellos, shift, rng, taken)
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
    source = recording[family.clients[rank % len(family.clients)]]
    client = Client(
        address=invent_address(rng.choice(family.networks), rng, taken),
        stack=LINUX,
        mss=1460,
        hops=rng.randint(5, 18),
        rtt_us=int(rng.lognormvariate(math.log(28_000), 0.6)),
        hellos=hellos[source.name],
        truth=Truth("bot", family.tier, family.name),
        clock=rng.getrandbits(32),
    )
    run = None
    if family.is_browser:
        browser = recorded_browser(source, hides_headless=family.hides_headless)
        run = BrowserRun(server, client, browser, None)
    agent = family.agents[rank % len(family.agents)] if family.agents else ""
    requests = dict.fromkeys(
        (event.proto, _disguised(event.headers, agent, family.site.host)) for event in source.requests
    )
    return Bot(
        key=f"{family.name}{rank}",
        family=family,
        server=server,
        client=client,
        requests=tuple(requests),
        run=run,
        window_shift=window_shift,
    )


def _disguised(headers: Headers, agent: str, host: str) -> Headers:
    """Recorded headers for `host`, with another user agent and Accept if `agent` is given."""
    changed: dict[str, str] = {"host": host}
    if agent:
        changed["user-agent"] = agent
        if "Googlebot" not in agent:
            changed["accept"] = _BROWSER_ACCEPT
    return tuple((name, changed.get(name.lower(), value)) for name, value in headers)


def _posting(headers: Headers, posted_bytes: int | None) -> Headers:
    """`headers` with those of a form submission before the last one."""
    if posted_bytes is None:
        return headers
    form = (("Content-Length", str(posted_bytes)), ("Content-Type", "application/x-www-form-urlencoded"))
    return (*headers[:-1], *form, headers[-1])
