"""Runs the dashboard: `python -m soc_dashboard`."""

from __future__ import annotations

import sys

import uvicorn
from pydantic import ValidationError

from soc_dashboard.access.registry import Accounts, open_accounts
from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings

EXIT_USAGE = 2


def main() -> int:
    """Serve until interrupted; 2 and a sentence on standard error if it cannot."""
    try:
        settings = Settings()
        accounts = open_accounts(settings.home, settings.session_idle_s, settings.session_absolute_s)
    except ValidationError as mistake:
        for error in mistake.errors():
            place = ".".join(map(str, error["loc"]))
            words = error["msg"].removeprefix("Value error, ")
            print(f"soc_dashboard: {place}{': ' if place else ''}{words}", file=sys.stderr)
        return EXIT_USAGE
    except OSError as failure:
        print(f"soc_dashboard: the accounts cannot be opened: {failure}", file=sys.stderr)
        return EXIT_USAGE
    _tell_first_login(settings, accounts)
    uvicorn.run(
        create_app(settings, accounts),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    accounts.file.close()
    return 0


def _tell_first_login(settings: Settings, accounts: Accounts) -> None:
    """Say how to sign in for the first time; a password goes to a terminal only, never into a log."""
    pending = accounts.first_login.maybe_pending()
    if pending is None:
        return
    password = pending.password if sys.stdout.isatty() else f"in {pending.path}"
    print(f"{settings.address}  user {pending.name}  one-time password {password}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
