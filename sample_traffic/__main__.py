"""Command line: `python -m sample_traffic --out DIR`."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sample_traffic.amplify import amplify
from sample_traffic.lab_recording import DEFAULT_RECORDING


def main(arguments: list[str] | None = None) -> int:
    """Make a sample; 0 if it was written, 2 if the arguments make no sense."""
    parser = argparse.ArgumentParser(prog="python -m sample_traffic", description=amplify.__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write to")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hours", type=_positive, default=24.0, help="length of the sample (default 24)")
    parser.add_argument(
        "--end", type=_utc_time, metavar="ISO", help="its end, UTC if no offset (default now)"
    )
    parser.add_argument("--scale", type=_scale, default=1.0, help="1 is 2,400 amplified people, 0 none")
    which = "the lab's recording in it, '' for none (default %(default)s)"
    parser.add_argument("--recording", default=DEFAULT_RECORDING, metavar="NAME", help=which)
    chosen = parser.parse_args(arguments)
    end: datetime = chosen.end or datetime.now(UTC)
    started = time.monotonic()
    summary = amplify(
        chosen.out,
        end_us=int(end.timestamp()) * 1_000_000,
        hours=chosen.hours,
        seed=chosen.seed,
        scale=chosen.scale,
        recording=chosen.recording,
    )
    sys.stdout.write(
        f"{summary.requests} requests, {summary.entities} entities, "
        f"{summary.bot_entities} of them bots ({summary.bot_entities / max(1, summary.entities):.1%}), "
        f"in {time.monotonic() - started:.1f} s; written to {chosen.out}\n"
    )
    return 0


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _scale(text: str) -> float:
    return 0.0 if text == "0" else _positive(text)


def _utc_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not an ISO 8601 time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main())
