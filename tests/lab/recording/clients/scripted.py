"""A program that uses an HTTP library: `scripted.py JSON` does one client's visits.

Keys: library, host, errand, visits (requests of each), pause_s, spread (of a log-normal law; 0: a clock),
gap_s between visits, seed, headers, agents (one a visit), per_connection, http3, validates.
"""

from __future__ import annotations

import json
import math
import random
import sys
from typing import Any

from lab.recording.clients.libraries import library
from lab.recording.errands import ERRANDS
from lab.recording.pauses import pause


def main(job: dict[str, Any]) -> None:
    """Do all visits."""
    rng = random.Random(job["seed"])
    fetch, forget = library(job["library"], job)
    tags: dict[str, str] = {}
    for visit, count in enumerate(job["visits"]):
        if visit:
            forget()
            pause(job["gap_s"] * rng.uniform(0.5, 1.5), is_connected=False)
        headers = dict(job.get("headers", {}))
        if agents := job.get("agents"):
            headers["User-Agent"] = agents[visit % len(agents)]
        errand = ERRANDS[job["errand"]](count, job["host"], rng)
        body: bytes | None = None
        for number in range(10 * count):
            try:
                ask = next(errand) if body is None else errand.send(body)
            except StopIteration:
                break
            closes = number % job.get("per_connection", 1_000_000) == 0
            if closes:
                forget()
            if number:
                pause(_drawn(job["pause_s"], job["spread"], rng), is_connected=not closes)
            sent = dict(headers)
            if ask.referer and job.get("sends_referer", True):
                sent["Referer"] = ask.referer
            if job.get("validates") and ask.path in tags:
                sent["If-None-Match"] = tags[ask.path]
            try:
                _, received, body = fetch(ask.method, f"https://{job['host']}{ask.path}", sent, ask.form)
            except Exception as error:  # noqa: BLE001 - every library has errors of its own; a bot goes on
                print(f"{job['library']}: {error!r}"[:300], file=sys.stderr)
                body = b""
                forget()
                continue
            if "etag" in received:
                tags[ask.path] = received["etag"]
    forget()


def _drawn(mean_s: float, spread: float, rng: random.Random) -> float:
    """A pause of this mean; `spread` 0 is a clock."""
    return mean_s if not spread else rng.lognormvariate(math.log(mean_s) - spread**2 / 2, spread)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
