"""Who acts: what the gate found out about the request or live connection that is being served.

The value follows a request into every task and callback that it starts, so a page's callbacks see the
person whose browser holds the connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from soc_dashboard.access.roles import Role, User

_acting: ContextVar[User | None] = ContextVar("acting_user", default=None)


class NobodyError(RuntimeError):
    """Asked for the user where none acts: outside of every request, a mistake in the program."""


class ForbiddenError(Exception):
    """The user's role does not allow it; the message is for that person."""


def current_user() -> User:
    """The person, or the owner of the API token, on whose behalf this code runs. Raises NobodyError."""
    user = _acting.get()
    if user is None:
        raise NobodyError("no request is being served here")
    return user


def require(needed: Role) -> User:
    """The current user if the role allows it. Raises ForbiddenError.

    Whatever writes calls this itself: a button that is hidden can still be pressed over the live connection.
    """
    user = current_user()
    if not user.may(needed):
        raise ForbiddenError(f"this needs the role {needed}; {user.name} is {user.role}")
    return user


@contextmanager
def acting_as(user: User) -> Iterator[None]:
    """Run what is inside, and all it starts, on behalf of `user`."""
    token = _acting.set(user)
    try:
        yield
    finally:
        _acting.reset(token)
