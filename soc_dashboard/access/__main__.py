"""Accounts from the command line: `python -m soc_dashboard.access add-user ada --role analyst`.

Works on the accounts below `JA4_HOME`, whether the dashboard runs or not.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import structlog

from soc_dashboard.access.registry import Accounts, open_accounts
from soc_dashboard.access.roles import Role, Scope
from soc_dashboard.access.tokens import DEFAULT_DAYS, TokenRefusedError
from soc_dashboard.access.users import AccountRefusedError
from soc_dashboard.access.words import ROLE_WORDS, SCOPE_WORDS, utc_words

Arguments = argparse.Namespace


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 refused (the reason on standard error)."""
    arguments = _parser().parse_args(argv)
    # What is printed here is read by programs too; the accounts' own log has the rest.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    home = Path(os.environ.get("JA4_HOME", "var"))
    try:
        accounts = open_accounts(home)
        arguments.run(accounts, arguments)
    except (AccountRefusedError, TokenRefusedError, OSError) as refused:
        print(f"{refused}", file=sys.stderr)
        return 1
    accounts.file.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m soc_dashboard.access", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("add-user", help="make an account; prints its one-time password")
    command.add_argument("name")
    roles = "; ".join(f"{role} {words}" for role, words in ROLE_WORDS.items())
    command.add_argument("--role", type=Role, choices=list(Role), default=Role.VIEWER, help=roles)
    command.set_defaults(run=_add_user)

    command = commands.add_parser("reset-password", help="end all sessions; prints a new one-time password")
    command.add_argument("name")
    command.set_defaults(run=_reset_password)

    command = commands.add_parser("set-role", help="give another role; ends the account's sessions")
    command.add_argument("name")
    command.add_argument("role", type=Role, choices=list(Role))
    command.set_defaults(run=_set_role)

    for name, is_disabled in (("disable", True), ("enable", False)):
        words = "shut out, with sessions and tokens" if is_disabled else "let in again"
        command = commands.add_parser(name, help=words)
        command.add_argument("name")
        command.set_defaults(run=_set_disabled, is_disabled=is_disabled)

    command = commands.add_parser("list", help="accounts and their tokens")
    command.set_defaults(run=_list)

    command = commands.add_parser("token", help="make an API token; prints it this once")
    command.add_argument("name", help="whose")
    command.add_argument("--for", dest="purpose", required=True, help="what it is for, as lists show it")
    scopes = "; ".join(f"{scope}: {words}" for scope, words in SCOPE_WORDS.items())
    command.add_argument(
        "--scope", type=Scope, choices=list(Scope), action="append", required=True, help=scopes
    )
    command.add_argument("--days", type=int, default=DEFAULT_DAYS, help="until it ends (default %(default)s)")
    command.set_defaults(run=_token)

    command = commands.add_parser("revoke", help="end a token")
    command.add_argument("token_id")
    command.set_defaults(run=_revoke)

    command = commands.add_parser(
        "first-login", help="print the first admin's name and one-time password while nobody has used it"
    )
    command.set_defaults(run=_first_login)
    return parser


def _actor() -> str:
    return f"{getpass.getuser()} (command line)"


def _add_user(accounts: Accounts, arguments: Arguments) -> None:
    password = accounts.users.add(_actor(), arguments.name, arguments.role)
    print(f"{arguments.name}, {arguments.role}; one-time password {password}")


def _reset_password(accounts: Accounts, arguments: Arguments) -> None:
    password = accounts.users.reset_password(_actor(), arguments.name)
    accounts.name_locks.forgive(arguments.name)
    print(f"{arguments.name}; one-time password {password}")


def _set_role(accounts: Accounts, arguments: Arguments) -> None:
    accounts.users.set_role(_actor(), arguments.name, arguments.role)


def _set_disabled(accounts: Accounts, arguments: Arguments) -> None:
    accounts.users.set_disabled(_actor(), arguments.name, arguments.is_disabled)


def _list(accounts: Accounts, _: Arguments) -> None:
    for user in accounts.users.all():
        state = (
            "disabled" if user.is_disabled else "one-time password" if user.must_change_password else "active"
        )
        print(f"{user.name:24} {user.role:8} {state:18} last sign-in {utc_words(user.last_login_at)}")
        for token in accounts.tokens.of(user):
            if accounts.tokens.holds(token):
                scopes = ",".join(sorted(token.scopes))
                print(f"    {token.token_id}  {scopes}  ends {utc_words(token.expires_at)}  {token.name}")


def _token(accounts: Accounts, arguments: Arguments) -> None:
    account = accounts.users.maybe_named(arguments.name)
    if account is None:
        raise AccountRefusedError(f"there is no user {arguments.name!r}")
    print(accounts.tokens.make(_actor(), account, arguments.purpose, arguments.scope, arguments.days))


def _revoke(accounts: Accounts, arguments: Arguments) -> None:
    if not accounts.tokens.revoke(_actor(), arguments.token_id, None):
        raise TokenRefusedError(f"there is no token {arguments.token_id!r}")


def _first_login(accounts: Accounts, _: Arguments) -> None:
    pending = accounts.first_login.maybe_pending()
    if pending is not None:
        print(f"{pending.name} {pending.password}")


if __name__ == "__main__":
    sys.exit(main())
