"""A day of traffic: the lab's recording as it is, and people in numbers made out of recorded clients."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sample_traffic.browsers import human_browsers
from sample_traffic.connections import Server
from sample_traffic.hello_template import template_of
from sample_traffic.lab_recording import DEFAULT_RECORDING, LabRecording
from sample_traffic.people import HOUR_US, population
from sample_traffic.recorded import load_recording
from sample_traffic.sample_files import CAPTURE, EVENTS, LABELS, SampleFiles

NOTICE = "README"
RECORDING_HOURS = 24
"""Every recording of the lab is spread over so many hours."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sample holds."""

    requests: int
    amplified_connections: int
    entities: int
    """(client_ip, ja4_stable, host) that sent at least one request."""
    bot_entities: int
    by_tier: dict[str, int]
    """Entities of each tier."""
    amplified_entities: int
    """Those that nobody observed."""


def amplify(
    folder: Path,
    *,
    end_us: int,
    hours: float = 24,
    seed: int = 7,
    scale: float = 1.0,
    recording: str = DEFAULT_RECORDING,
) -> Summary:
    """Write a sample of the `hours` before `end_us` (us since the epoch) to `folder`.

    The same arguments give the same bytes. `scale` multiplies the number of amplified people; at 0 there are
    none. `recording` names the lab's recording in it, which ends at `end_us` and which fewer hours cut; with
    an empty name there is none. Raises FileNotFoundError for a name that is not bundled.
    """
    start_us = end_us - int(hours * HOUR_US)
    clients = load_recording()
    hellos = {
        name: tuple(template_of(handshake) for handshake in client.handshakes)
        for name, client in clients.items()
    }
    rng = random.Random(f"{seed}/actors")
    lab = LabRecording(recording) if recording else None
    taken = {label.address for label in lab.labels()} if lab else set()
    with SampleFiles(folder, start_us, end_us) as files:
        if lab is not None:
            lab.add_to(files, end_us - RECORDING_HOURS * HOUR_US)
        server = Server(files)
        actors = population(server, human_browsers(clients), hellos, scale, rng, taken)
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
            amplified_connections=server.connections,
            entities=len(entities),
            bot_entities=sum(truth.label == "bot" for truth in entities.values()),
            by_tier=dict(Counter(truth.tier for truth in entities.values()).most_common()),
            amplified_entities=sum(not truth.recording for truth in entities.values()),
        )
    arguments = f"--seed {seed} --hours {hours:g} --scale {scale:g} --recording '{recording}'"
    _write_notice(folder, summary, start_us, end_us, arguments)
    return summary


def _write_notice(folder: Path, summary: Summary, start_us: int, end_us: int, arguments: str) -> None:
    """A README beside the sample, so that nobody takes it for an observation."""
    start, end = (datetime.fromtimestamp(us / 1_000_000, UTC).isoformat() for us in (start_us, end_us))
    tiers = "\n".join(f"- {tier}: {count}" for tier, count in summary.by_tier.items())
    (folder / NOTICE).write_text(
        f"""Amplified, not observed, but for the lab's recording.

Made by `python -m sample_traffic {arguments}`.
Labels with `amplified` 1 are people who do not exist: their ClientHellos and HTTP headers were recorded,
addresses, times, visits and numbers are invented. The others are clients of the traffic lab, whose
addresses, round trips and pauses are composed. The addresses belong to real networks whose users have
nothing to do with it; nothing was or will be sent to them. sample_traffic/README.md in the project says more.

{CAPTURE}          Ethernet frames of all connections: handshake, ClientHello, close
{EVENTS}    {summary.requests} requests as the web server would log them, ordered by t_us
{LABELS}   the truth about each (client_ip, ja4_stable, host)

From {start} to {end}: {summary.entities} entities, {summary.amplified_entities} of them amplified,
{summary.bot_entities} of them bots. Entities by tier:
{tiers}
"""
    )
