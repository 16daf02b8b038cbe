"""`ja4 up`, `ja4 down`, `ja4 status`, `ja4 forget`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence

from operator_cli import first_start
from operator_cli.live_capture import advice, refuse_what_cannot_capture, write_agent_settings
from operator_cli.settings import Settings, UnusableSettings
from operator_cli.supervisor import PlatformError, Supervisor, answers

READY_DEADLINE_S = 120.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 something to mend (on standard error)."""
    parser = argparse.ArgumentParser(prog="ja4", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start everything; fill an empty database with the sample")
    commands.add_parser("down", help="stop what `up` started")
    commands.add_parser("status", help="say which services answer")
    person = commands.add_parser("forget", help="remove a person's address from everything that is stored")
    person.add_argument("address", help="IPv4 or IPv6")
    arguments = parser.parse_args(argv)
    actions = {"up": up, "down": down, "status": status}
    try:
        settings = Settings.read()
        if arguments.command == "forget":
            return forget(settings, arguments.address)
        return actions[arguments.command](settings)
    except (PlatformError, UnusableSettings) as error:
        print(f"ja4 {arguments.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; `make down` stops what was started", file=sys.stderr)
        return 130


def up(settings: Settings) -> int:
    """Start, migrate, load, materialise; each step says what it does and since when."""
    say = _Progress()
    if settings.live:
        refuse_what_cannot_capture(settings.live)
    settings.prepare_folders()
    first_start.maybe_first_login(settings)
    supervisor = Supervisor(settings)
    if supervisor.maybe_running() is None:
        if settings.live:
            write_agent_settings(settings, settings.live)
        say(f"starting {', '.join(service.name for service in settings.services)}")
        supervisor.start()
    else:
        say("already running")
        if settings.live and not answers(settings.services[-1]):
            raise PlatformError("it runs without live capture: `make down`, then `make up LIVE=...` again")
    if settings.uses_embedded_database:
        supervisor.wait_until_ready(settings.services[0], READY_DEADLINE_S)
    say("bringing the tables up to date")
    first_start.migrate(settings)
    if settings.wants_sample and first_start.count_rows(settings, "raw_http_requests") == 0:
        say("the database is empty: amplifying and replaying the bundled recording")
        first_start.replay_sample(settings)
    for service in settings.services:
        supervisor.wait_until_ready(service, READY_DEADLINE_S)
        say(f"{service.name} answers")
    has_traffic = first_start.count_rows(settings, "raw_http_requests") > 0
    if has_traffic and first_start.count_rows(settings, "bot_scores") == 0:
        say("materialising the assets: tables, features, model, scores")
        first_start.materialise(settings)
    elif has_traffic and (missing := first_start.missing_models(settings)):
        say(f"an older version built the marts: building all, with {len(missing)} new ones")
        first_start.materialise(settings)
    say("ready")
    _print_addresses(settings)
    return 0


def down(settings: Settings) -> int:
    """Stop everything that `up` started."""
    print("stopped" if Supervisor(settings).stop() else "nothing was running")
    return 0


def status(settings: Settings) -> int:
    """Print a line for each service; 1 if one does not answer."""
    is_up = {service: answers(service) for service in settings.services}
    for service, is_answering in is_up.items():
        state = "answers" if is_answering else "does not answer"
        print(f"{service.name:12} {service.address:28} {state}")
    return 0 if all(is_up.values()) else 1


def forget(settings: Settings, address: str) -> int:
    """Remove an address from the database, and say what was removed."""
    command = [sys.executable, "-m", "ja4_assets.storage.forget", address]
    return subprocess.run(command, env=settings.environment(), check=False).returncode


def _print_addresses(settings: Settings) -> None:
    labels = {"dashboard": "Dashboard and API", "dagster": "Dagster", "mlflow": "MLflow"}
    addresses = {service.name: service.address for service in settings.services}
    print()
    for name, label in labels.items():
        print(f"  {label:20} {addresses[name]}")
    if login := first_start.maybe_first_login(settings):
        print(f"\n  sign in to the dashboard as {login[0]} with the one-time password {login[1]}")
    if settings.live:
        print(f"\n{advice(settings)}")
    print("\n  make down stops it all; logs are in", settings.state_dir / "log")


class _Progress:
    """Prints steps with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, step: str) -> None:
        print(f"[{time.monotonic() - self._start:5.1f} s] {step}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
