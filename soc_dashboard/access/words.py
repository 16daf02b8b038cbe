"""Words of the account pages."""

from __future__ import annotations

from datetime import UTC, datetime

from soc_dashboard.access.roles import Role, Scope

SCOPE_WORDS = {
    Scope.READ: "read everything the API shows",
    Scope.LOOKUP: "ask for one decision (/api/lookup)",
    Scope.METRICS: "read /api/metrics",
    Scope.LABELS: "give labels and take them back",
}
ROLE_WORDS = {
    Role.VIEWER: "sees every page",
    Role.ANALYST: "also labels traffic",
    Role.ADMIN: "also changes settings and users",
}


def utc_words(seconds: int | None) -> str:
    """A time of the accounts' file in UTC; a dash where there is none."""
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
