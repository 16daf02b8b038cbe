"""Spreads the recording into a day of plausible traffic: who acts when, written in time order."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sample_traffic.bots import Bot, bots
from sample_traffic.browsers import human_browsers
from sample_traffic.connections import Server
from sample_traffic.hello_template import template_of
from sample_traffic.people import HOUR_US, Person, population
from sample_traffic.recorded import load_recording
from sample_traffic.sample_files import CAPTURE, EVENTS, LABELS, SampleFiles

NOTICE = "README"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sample holds."""

    requests: int
    connections: int
    entities: int
    """(client_ip, ja4_stable, host) that sent at least one request."""
    bot_entities: int
    by_tier: dict[str, int]
    """Entities of each tier."""


def amplify(folder: Path, *, end_us: int, hours: float = 24, seed: int = 7, scale: float = 1.0) -> Summary:
    """Write a sample of the `hours` before `end_us` (us since the epoch) to `folder`.

    The same arguments give the same bytes. `scale` multiplies the number of people and of bots.
    """
    start_us = end_us - int(hours * HOUR_US)
    recording = load_recording()
    hellos = {
        name: tuple(template_of(handshake) for handshake in client.handshakes)
        for name, client in recording.items()
    }
    rng = random.Random(f"{seed}/actors")
    taken: set[str] = set()
    with SampleFiles(folder, start_us, end_us) as files:
        server = Server(files)
        actors: list[Person | Bot] = [
            *population(server, human_browsers(recording), hellos, scale, rng, taken),
            *bots(server, recording, hellos, scale, rng, taken),
        ]
        visits = sorted(
            (visit_us, number)
            for number, actor in enumerate(actors)
            for visit_us in actor.visit_starts(start_us, end_us, random.Random(f"{seed}/{actor.key}"))
        )
        for visit_us, number in visits:
            files.write_until(visit_us)
            actor = actors[number]
            actor.visit(visit_us, random.Random(f"{seed}/{actor.key}/{visit_us}"))
        entities = files.entities()
        summary = Summary(
            requests=files.requests,
            connections=server.connections,
            entities=len(entities),
            bot_entities=sum(truth.label == "bot" for truth in entities.values()),
            by_tier=dict(Counter(truth.tier for truth in entities.values()).most_common()),
        )
    _write_notice(folder, summary, start_us, end_us, seed, hours, scale)
    return summary


def _write_notice(
    folder: Path, summary: Summary, start_us: int, end_us: int, seed: int, hours: float, scale: float
) -> None:
    """A README beside the sample, so that nobody takes it for an observation."""
    start, end = (datetime.fromtimestamp(us / 1_000_000, UTC).isoformat() for us in (start_us, end_us))
    tiers = "\n".join(f"- {tier}: {count}" for tier, count in summary.by_tier.items())
    (folder / NOTICE).write_text(
        f"""Amplified, not observed.

This traffic never happened. It was made by
`python -m sample_traffic --seed {seed} --hours {hours:g} --scale {scale:g}`
from recordings of real clients: their ClientHellos and HTTP headers are real; addresses, times, visits and
numbers are invented. The addresses belong to real networks whose users have nothing to do with it; nothing
was or will be sent to them. sample_traffic/README.md in the project says more.

{CAPTURE}          Ethernet frames of {summary.connections} connections: handshake, ClientHello, close
{EVENTS}    {summary.requests} requests as the web server would log them, ordered by t_us
{LABELS}   the truth about each (client_ip, ja4_stable, host)

From {start} to {end}: {summary.entities} entities, {summary.bot_entities} of them bots. Entities by tier:
{tiers}
"""
    )
