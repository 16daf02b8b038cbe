"""Who may do what: three roles of people, and the scopes of API tokens."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do; each role includes those before it."""

    VIEWER = "viewer"
    """Looks at every page and reads the API."""
    ANALYST = "analyst"
    """Decides: labels traffic and takes labels back."""
    ADMIN = "admin"
    """Changes settings, users and everybody's tokens."""

    def includes(self, needed: Role) -> bool:
        """Whether this role may do what `needed` may."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Scope(StrEnum):
    """What an API token may be used for; never more than its owner may do."""

    READ = "read"
    """Every reading route of the API."""
    LOOKUP = "lookup"
    """`/api/lookup` only: for a proxy that asks about each client."""
    METRICS = "metrics"
    """`/api/metrics` only: for Prometheus."""
    LABELS = "labels"
    """Preview, give and take back labels; needs an owner who is an analyst."""


@dataclass(frozen=True, slots=True)
class User:
    """Who acts, as pages see it."""

    name: str
    role: Role

    def may(self, needed: Role) -> bool:
        """Whether this user may do what `needed` may."""
        return self.role.includes(needed)
