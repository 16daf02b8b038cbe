"""Who sent a request: found from its cookie or its token, and judged against what the route needs."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from soc_dashboard.access.policy import Need
from soc_dashboard.access.registry import Accounts
from soc_dashboard.access.roles import Scope, User
from soc_dashboard.access.sessions import Session
from soc_dashboard.access.users import Account

BEARER = "bearer "


class Answer(Enum):
    """What becomes of a request."""

    PASS = "pass"  # noqa: S105 - no password
    SIGN_IN = "sign in"
    CHANGE_PASSWORD = "change password"  # noqa: S105 - no password
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who is known: a browser with a session, or a program with a token."""

    account: Account
    maybe_session: Session | None
    """None for a token."""
    scopes: frozenset[Scope]
    csrf_token: str
    """What a writing request of this session has to carry; empty for a token, which no browser sends by
    itself."""

    @property
    def user(self) -> User:
        """The caller as pages see it."""
        return self.account.user


def maybe_caller(
    accounts: Accounts, headers: Mapping[str, str], maybe_cookie: str | None, is_api: bool
) -> Caller | None:
    """Whoever the request says it is from, if that is true; tokens are heard by the API only."""
    authorization = headers.get("authorization", "")
    if is_api and authorization.lower().startswith(BEARER):
        token = accounts.tokens.maybe_found(authorization[len(BEARER) :].strip())
        return Caller(token.account, None, token.scopes, "") if token else None
    session = accounts.sessions.maybe_found(maybe_cookie) if maybe_cookie else None
    if session is None or maybe_cookie is None:
        return None
    return Caller(session.account, session, frozenset(), csrf_token(maybe_cookie))


def csrf_token(secret: str) -> str:
    """What forms of one session carry: known to its pages, of no use without its cookie."""
    return hmac.new(secret.encode(), b"csrf", hashlib.sha256).hexdigest()


def judged(caller: Caller | None, need: Need) -> Answer:
    """Whether the caller gets what the route needs."""
    if need.role is None:
        return Answer.PASS
    if caller is None:
        return Answer.SIGN_IN
    if caller.account.must_change_password and not need.is_before_password_change:
        return Answer.CHANGE_PASSWORD
    if caller.maybe_session is None and not caller.scopes & need.scopes:
        return Answer.FORBIDDEN
    if not caller.account.role.includes(need.role):
        return Answer.FORBIDDEN
    return Answer.PASS
