"""What an analyst can say about traffic: a label on a target, with a note and an end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from soc_dashboard.addresses import canonical_address

MAX_NOTE = 1000
MAX_TARGET = 255
MAX_TARGETS = 500
"""Most targets that are labelled at once: what a person can still oversee, and one insert can hold."""
LABELS = ("human", "good_bot", "bad_bot", "unknown")
"""Verdicts that a person gives; `suspicious` is a machine's way to ask for one of these."""
EXPIRIES: dict[str, timedelta | None] = {
    "1 day": timedelta(days=1),
    "7 days": timedelta(days=7),
    "30 days": timedelta(days=30),
    "Never": None,
}
DEFAULT_EXPIRY = "30 days"
"""Addresses change hands and browsers change fingerprints: a label that nobody renews should end."""


class LabelScope(StrEnum):
    """What a label is about."""

    ENTITY = "entity"
    CLIENT_IP = "client_ip"
    JA4_STABLE = "ja4_stable"


class LabelRefusedError(ValueError):
    """A label that makes no sense; the message is for the person."""


@dataclass(frozen=True, slots=True)
class LabelTarget:
    """What is labelled. Fields that the scope does not use are None."""

    scope: LabelScope
    client_ip: str | None = None
    ja4: str | None = None
    """Stable JA4."""
    host: str | None = None

    def words(self) -> str:
        """The target in words."""
        if self.scope is LabelScope.CLIENT_IP:
            return f"client {self.client_ip}"
        if self.scope is LabelScope.JA4_STABLE:
            return f"JA4 {self.ja4}"
        return f"client {self.client_ip} with JA4 {self.ja4 or '(none)'} on {self.host or '(no host)'}"


def target(scope: LabelScope, client_ip: str | None, ja4: str | None, host: str | None) -> LabelTarget:
    """The target of a label, checked and cut down to what its scope uses. Raises LabelRefusedError."""
    if any(value is not None and len(value) > MAX_TARGET for value in (client_ip, ja4, host)):
        raise LabelRefusedError(f"a target has at most {MAX_TARGET} characters")
    if scope is LabelScope.JA4_STABLE:
        if not ja4:
            raise LabelRefusedError("a label on a JA4 needs one: these requests came without a handshake")
        return LabelTarget(scope, ja4=ja4)
    if client_ip is None:
        raise LabelRefusedError(f"a label of scope {scope} needs client_ip")
    try:
        text = canonical_address(client_ip)
    except ValueError:
        raise LabelRefusedError(f"{client_ip[:60]!r} is not an IP address") from None
    if scope is LabelScope.CLIENT_IP:
        return LabelTarget(scope, client_ip=text)
    return LabelTarget(scope, client_ip=text, ja4=ja4 or "", host=host or "")


def targets(scope: LabelScope, entities: Sequence[tuple[str, str, str]]) -> tuple[LabelTarget, ...]:
    """Targets of one scope for entities `(client_ip, ja4_stable, host)`, each once, in order.

    Raises LabelRefusedError when one of them makes no sense, or when there are none or too many.
    """
    found = tuple(dict.fromkeys(target(scope, *entity) for entity in entities))
    if not found:
        raise LabelRefusedError("nothing is selected")
    if len(found) > MAX_TARGETS:
        raise LabelRefusedError(f"at most {MAX_TARGETS} labels are given at once")
    return found


def checked_label(label: str, note: str, expires_at: datetime | None, now: datetime) -> None:
    """Raise LabelRefusedError for a label that cannot be given."""
    if label not in LABELS:
        raise LabelRefusedError(f"a label is one of {', '.join(LABELS)}")
    if len(note) > MAX_NOTE:
        raise LabelRefusedError(f"a note has at most {MAX_NOTE} characters")
    if expires_at is not None and expires_at <= now:
        raise LabelRefusedError("the label would have ended already")
