"""What each route asks of whoever calls it: the one list, and its answer for everything not on it.

Routes that are not named ask for a signed-in viewer to read and for an admin to write: a route that
somebody adds and forgets here is closed, not open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from soc_dashboard.access.roles import Role, Scope

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Need:
    """What one route asks for."""

    role: Role | None = Role.VIEWER
    """None: nobody needs to be signed in."""
    scopes: frozenset[Scope] = frozenset()
    """A token with any of these will do; with none, the route is for browsers."""
    is_before_password_change: bool = False
    """Open to somebody who must choose a new password first."""


PUBLIC = Need(role=None, is_before_password_change=True)
SIGNED_IN = Need()
SELF = Need(is_before_password_change=True)
ADMIN = Need(Role.ADMIN)
READ = Need(scopes=frozenset({Scope.READ}))
ANY_TOKEN = Need(scopes=frozenset(Scope))
LOOKUP = Need(scopes=frozenset({Scope.READ, Scope.LOOKUP}))
METRICS = Need(scopes=frozenset({Scope.METRICS}))
SEE_LABELS = Need(scopes=frozenset({Scope.READ, Scope.LABELS}))
LABEL = Need(Role.ANALYST, frozenset({Scope.LABELS}))

_ROUTES: tuple[tuple[str, str, Need], ...] = (
    # The sign-in page, and what it shows itself with.
    ("*", r"/login(/oidc(/callback)?)?", PUBLIC),
    ("GET", r"/assets/(access\.css|access\.js|fonts\.css|favicon\.svg|fonts/[A-Za-z0-9._-]+)", PUBLIC),
    # Whether it serves, for supervisors and proxies: one word, nothing about the traffic.
    ("GET", r"/readyz", PUBLIC),
    ("*", r"/account/password", SELF),
    ("POST", r"/logout", SELF),
    ("*", r"/account(/.*)?", SIGNED_IN),
    ("*", r"/users(/.*)?", ADMIN),
    ("GET", r"/api/openapi\.json", ANY_TOKEN),
    ("GET", r"/api/me", ANY_TOKEN),
    ("GET", r"/api/lookup", LOOKUP),
    ("GET", r"/api/metrics", METRICS),
    ("GET", r"/api/labels", SEE_LABELS),
    ("GET", r"/api/.*", READ),
    ("*", r"/api/labels(/.*)?", LABEL),
)
_COMPILED = tuple((method, re.compile(rf"{path}\Z", re.DOTALL), need) for method, path, need in _ROUTES)


def need_of(method: str, path: str) -> Need:
    """What `method` on `path` asks for; `path` is what the routes match, percent signs decoded."""
    is_safe = method in SAFE_METHODS
    for wanted, pattern, need in _COMPILED:
        if (wanted == "*" or (wanted == "GET" and is_safe) or wanted == method) and pattern.match(path):
            return need
    return SIGNED_IN if is_safe else ADMIN
