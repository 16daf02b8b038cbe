"""`ja4-canary`: sends requests whose true connection is known, so that the platform can measure its joins.

Prints one JSON object a round: what was sent, what was answered, what failed. Exit code 0: stopped, or all
rounds made and every request answered. 1: not every request was answered. 2: wrong call.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from capture_agent.canary.connection import Target
from capture_agent.canary.rounds import Canary, RoundReport, Shape
from capture_agent.canary.secret import UnusableSecret, canary_key

SECRET_VARIABLE = "JA4_CANARY_SECRET"  # noqa: S105 - a variable's name
EXIT_OK, EXIT_UNANSWERED, EXIT_CALL = 0, 1, 2
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|m)?", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, None: 1.0}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until stopped; returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        key = canary_key(os.environ.get(SECRET_VARIABLE), options.secret_file)
        if key is None:
            raise UnusableSecret(f"no secret: give --secret-file or {SECRET_VARIABLE}")
        target = _target(options)
    except (UnusableSecret, ValueError, OSError) as error:
        parser.error(str(error))
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    canary = Canary(key, target, time.time)
    total = RoundReport()
    rounds = 0
    while not stop.is_set():
        began_s = time.monotonic()
        report = canary.round(tuple(options.shapes))
        total.add(report)
        rounds += 1
        print(_line(canary.run, report), flush=True)
        if rounds == options.rounds:
            return EXIT_OK if total.answered == total.sent and total.sent else EXIT_UNANSWERED
        stop.wait(max(0.0, began_s + options.every - time.monotonic()))
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ja4-canary",
        description="Sends requests by which the platform measures how many joins are right.",
    )
    parser.add_argument("--url", required=True, metavar="https://HOST[:PORT]", help="web server to visit")
    parser.add_argument("--connect", metavar="ADDRESS", help="connect there in place of HOST")
    parser.add_argument(
        "--domain",
        metavar="NAME",
        help="server names are LABEL.NAME (default: canary.HOST, or canary.invalid for an IP address)",
    )
    parser.add_argument(
        "--every", type=_duration, default=10.0, metavar="TIME", help="start of a round to the next (10s)"
    )
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="stop after N rounds (0: never)")
    parser.add_argument(
        "--shapes",
        type=_shapes,
        default=list(Shape),
        metavar="LIST",
        help=f"what a round has (default: {','.join(Shape)})",
    )
    parser.add_argument(
        "--secret-file", type=Path, metavar="FILE", help=f"shared with the agents ({SECRET_VARIABLE})"
    )
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="trust these authorities only")
    parser.add_argument(
        "--any-certificate", action="store_true", help="trust every certificate, a self-signed one too"
    )
    return parser


def _duration(text: str) -> float:
    found = _DURATION.fullmatch(text)
    if found is None or float(found[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text}: write a time as 10s, 500ms or 1m")
    return float(found[1]) * _SECONDS[found[2]]


def _shapes(text: str) -> list[Shape]:
    try:
        return [Shape(name) for name in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: choose from {', '.join(Shape)}") from error


def _target(options: argparse.Namespace) -> Target:
    parts = urlsplit(options.url)
    if parts.scheme != "https" or not parts.hostname:
        raise ValueError(f"{options.url}: must be https://HOST[:PORT]")
    context = ssl.create_default_context(cafile=options.ca_file)
    # The server name is a label that no certificate needs to carry, and nothing sent is of use to another
    # server: the code in it holds for one request and five minutes.
    context.check_hostname = False
    if options.any_certificate:
        context.verify_mode = ssl.CERT_NONE
    return Target(
        address=options.connect or parts.hostname,
        port=parts.port or 443,
        domain=options.domain or _default_domain(parts.hostname),
        context=context,
    )


def _default_domain(host: str) -> str:
    try:
        ip_address(host)
    except ValueError:
        return f"canary.{host}"
    return "canary.invalid"


def _line(run: str, report: RoundReport) -> str:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"ts": now, "run": run, **asdict(report)})


if __name__ == "__main__":
    sys.exit(main())
