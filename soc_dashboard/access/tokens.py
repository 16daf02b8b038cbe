"""API tokens: for programs, on behalf of the person who made them, for a time."""

from __future__ import annotations

import hmac
import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from soc_dashboard.access.log import AccessLog
from soc_dashboard.access.roles import Role, Scope
from soc_dashboard.access.sessions import hash_of
from soc_dashboard.access.storage import AccountsFile
from soc_dashboard.access.users import Account, account_of

PREFIX = "ja4_"
"""So that scanners for leaked secrets find a token."""
MAX_DAYS = 366
DEFAULT_DAYS = 90
MAX_NAME = 100
MAX_TOKENS_PER_USER = 50
USED_STEP_S = 60
"""Use is written at most this often."""
DAY_S = 86_400


class TokenRefusedError(ValueError):
    """A token that is not made; the message is for the person who asked."""


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret."""

    token_id: str
    account: Account
    name: str
    scopes: frozenset[Scope]
    created_at: int
    expires_at: int
    last_used_at: int | None
    is_revoked: bool


class Tokens:
    """Tokens in the file, as hashes only."""

    def __init__(self, file: AccountsFile, log: AccessLog, clock: Callable[[], int]) -> None:
        self._file = file
        self._log = log
        self._clock = clock

    def make(self, actor: str, account: Account, name: str, scopes: Iterable[Scope], days: int) -> str:
        """Make a token for `account`; gives its text, which is never seen again. Raises TokenRefusedError."""
        wanted = frozenset(scopes)
        if not 0 < len(name) <= MAX_NAME or not name.isprintable():
            raise TokenRefusedError(f"a token has a name of 1 to {MAX_NAME} printable characters")
        if not wanted:
            raise TokenRefusedError("a token has at least one scope")
        if not 1 <= days <= MAX_DAYS:
            raise TokenRefusedError(f"a token ends after 1 to {MAX_DAYS} days")
        if Scope.LABELS in wanted and not account.role.includes(Role.ANALYST):
            raise TokenRefusedError(f"the scope labels needs an analyst; {account.name} is {account.role}")
        if len([token for token in self.of(account) if self.holds(token)]) >= MAX_TOKENS_PER_USER:
            raise TokenRefusedError(f"{account.name} has {MAX_TOKENS_PER_USER} tokens already: revoke some")
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        now = self._clock()
        listed = " ".join(sorted(wanted))
        self._file.change(
            "insert into tokens (token_id, user_id, name, secret_hash, scopes, created_at, expires_at)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            (token_id, account.user_id, name, hash_of(secret), listed, now, now + days * DAY_S),
        )
        self._log.note(actor, "make-token", f"{token_id} for {account.name}: {listed}, {days} days")
        return f"{PREFIX}{token_id}_{secret}"

    def maybe_found(self, text: str) -> Token | None:
        """The token that `text` is, if it holds and its owner may sign in."""
        token_id, _, secret = text.removeprefix(PREFIX).partition("_")
        if not text.startswith(PREFIX) or not secret:
            return None
        row = self._file.maybe_row(_COLUMNS + "where token_id = ?", (token_id,))
        if row is None or not hmac.compare_digest(row["secret_hash"], hash_of(secret)):
            return None
        token = _token(row)
        if not self.holds(token) or token.account.is_disabled:
            return None
        now = self._clock()
        if token.last_used_at is None or now - token.last_used_at >= USED_STEP_S:
            self._file.change("update tokens set last_used_at = ? where token_id = ?", (now, token_id))
        return token

    def holds(self, token: Token) -> bool:
        """Neither ended nor revoked."""
        return not token.is_revoked and token.expires_at > self._clock()

    def all(self) -> list[Token]:
        """Every token, newest first."""
        return [_token(row) for row in self._file.rows(_COLUMNS + "order by tokens.created_at desc")]

    def of(self, account: Account) -> list[Token]:
        """Tokens of one account, newest first."""
        rows = self._file.rows(
            _COLUMNS + "where user_id = ? order by tokens.created_at desc", (account.user_id,)
        )
        return [_token(row) for row in rows]

    def revoke(self, actor: str, token_id: str, maybe_owner: Account | None) -> bool:
        """End a token, of `maybe_owner` only if given; False if there is no such one."""
        owner = maybe_owner.user_id if maybe_owner else None
        is_changed = self._file.change(
            "update tokens set is_revoked = 1 where token_id = ? and user_id = ifnull(?, user_id)",
            (token_id, owner),
        )
        if is_changed:
            self._log.note(actor, "revoke-token", token_id)
        return bool(is_changed)


_COLUMNS = (
    "select users.*, token_id, tokens.name as token_name, secret_hash, scopes,"
    " tokens.created_at as made_at, expires_at, last_used_at, is_revoked"
    " from tokens join users using (user_id) "
)


def _token(row: sqlite3.Row) -> Token:
    return Token(
        row["token_id"],
        account_of(row),
        row["token_name"],
        frozenset(Scope(text) for text in row["scopes"].split()),
        row["made_at"],
        row["expires_at"],
        row["last_used_at"],
        bool(row["is_revoked"]),
    )
