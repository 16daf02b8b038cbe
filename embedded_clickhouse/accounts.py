"""Who may ask: one user that may do everything, and users that may do what their grants say.

The engine knows one user and cannot be told another; a statement's connection can however give up rights by
`SET ROLE`. So each restricted user has a role of its own, and the engine itself checks every table, function
and source that a statement names, in views too. The gateway only has to refuse what would take rights back.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from embedded_clickhouse.errors import ACCESS_DENIED, AUTHENTICATION_FAILED, REQUIRED_PASSWORD, refusal
from embedded_clickhouse.lexer import Token, TokenKind, tokens
from embedded_clickhouse.protocol import header_safe
from embedded_clickhouse.request import Credentials
from embedded_clickhouse.sessions import SessionStore
from embedded_clickhouse.statements import Plan

ADMIN_ROLE = "everything"
_USER_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UnusableGrantsError(Exception):
    """A file of grants cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What a restricted user may do: GRANT statements up to their TO, such as `grant select on db.table`."""

    user: str
    privileges: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the gateway. Sessions belong to it: another user's cannot be taken over by its id."""

    credentials: Credentials
    maybe_role: str | None = None
    sessions: SessionStore = field(default_factory=SessionStore)

    def require_leave(self, plan: Plan) -> None:
        """Raise QueryError 497 for what the engine lets its one user do, but a restricted one may not."""
        if self.maybe_role is None:
            return
        if plan.changes_role:
            raise refusal(ACCESS_DENIED, f"{header_safe(self.credentials.user)}: the role cannot be changed")
        if plan.is_kill:
            # For the engine all statements are one user's, who may end them all.
            raise refusal(ACCESS_DENIED, f"{header_safe(self.credentials.user)}: Not enough privileges")


class Accounts:
    """All accounts of a gateway."""

    def __init__(self, accounts: Sequence[Account]) -> None:
        self._accounts = tuple(accounts)

    def authenticate(self, maybe_given: Credentials | None) -> Account:
        """The account with these credentials. Raises QueryError 194 without any, 516 for wrong ones."""
        if maybe_given is None:
            raise refusal(REQUIRED_PASSWORD, "Authentication is required: send a user and a password")
        found = [account for account in self._accounts if _is_equal(account.credentials, maybe_given)]
        if not found:
            raise refusal(
                AUTHENTICATION_FAILED,
                f"{header_safe(maybe_given.user)}: Authentication failed: password is incorrect, "
                "or there is no user with such name.",
            )
        return found[0]

    def close_sessions(self) -> None:
        """Close every session's connection, at the end of the process."""
        for account in self._accounts:
            account.sessions.close()


def _is_equal(known: Credentials, given: Credentials) -> bool:
    is_user = hmac.compare_digest(known.user.encode(), given.user.encode())
    is_password = hmac.compare_digest(known.password.encode(), given.password.encode())
    return is_user and is_password


def read_grants(sql: str) -> Grants:
    """Read the SQL that makes a user on a ClickHouse server: one user's CREATE USER and GRANT statements.

    Settings and limits of CREATE USER are for a server; the gateway has none for one user. Raises
    UnusableGrantsError.
    """
    text = sql.encode()
    statements: list[list[Token]] = [[]]
    for token in tokens(text):
        if token.kind is TokenKind.UNFINISHED:
            raise UnusableGrantsError("a quoted string or a comment is not closed")
        if token.upper == ";":
            statements.append([])
        else:
            statements[-1].append(token)
    users: set[str] = set()
    privileges = []
    for statement in filter(None, statements):
        if statement[0].upper == "CREATE":
            continue
        if statement[0].upper != "GRANT" or len(statement) < 4 or statement[-2].upper != "TO":
            shown = text[statement[0].start : statement[-1].end].decode()
            raise UnusableGrantsError(
                f"only CREATE USER and GRANT … TO one user are understood, not: {shown[:200]}"
            )
        users.add(text[statement[-1].start : statement[-1].end].decode())
        privileges.append(text[statement[0].start : statement[-3].end].decode())
    if len(users) != 1:
        raise UnusableGrantsError(
            f"grants for exactly one user are expected, found: {', '.join(sorted(users)) or 'none'}"
        )
    (user,) = users
    if user == ADMIN_ROLE or not _USER_NAME.fullmatch(user):
        raise UnusableGrantsError(
            f"{user} cannot be the user's name: letters, digits and _, and not {ADMIN_ROLE}"
        )
    return Grants(user, tuple(privileges))
