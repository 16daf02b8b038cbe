"""Appends what analysts decide: a label is written only after the audit log has it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from soc_dashboard.access import Role, require
from soc_dashboard.labels import LabelTarget, checked_label
from soc_dashboard.store.database import MartDatabase

LABEL_COLUMNS = (
    "labelled_at",
    "label_id",
    "user",
    "scope",
    "client_ip",
    "ja4",
    "host",
    "label",
    "note",
    "expires_at",
    "is_revoked",
)
AUDIT_COLUMNS = ("at", "user", "action", "target", "details")


@dataclass(frozen=True, slots=True)
class GivenLabel:
    """A label as it was written."""

    label_id: UUID
    target: LabelTarget
    label: str
    note: str
    expires_at: datetime | None


class DecisionLog:
    """The dashboard's only way to write: appends to `analyst_labels` and `audit_log`."""

    def __init__(self, marts: MartDatabase, clock: Callable[[], datetime]) -> None:
        self._marts = marts
        self._clock = clock

    async def give(
        self,
        user: str,
        targets: Sequence[LabelTarget],
        label: str,
        note: str,
        expires_at: datetime | None,
    ) -> tuple[GivenLabel, ...]:
        """Label every target.

        Raises ForbiddenError without the role for it, LabelRefusedError, or StoreFailedError when it was not
        written.
        """
        checked_label(label, note, expires_at, self._clock())
        given = tuple(GivenLabel(uuid4(), target, label, note, expires_at) for target in targets)
        await self._append(user, "label", given, is_revoked=False)
        return given

    async def revoke(self, user: str, given: Sequence[GivenLabel]) -> None:
        """Take labels back; their rows stay, followed by ones that say so."""
        await self._append(user, "revoke", given, is_revoked=True)

    async def _append(self, user: str, action: str, given: Sequence[GivenLabel], is_revoked: bool) -> None:
        require(Role.ANALYST)
        now = self._clock()
        audit = [(now, user, action, one.target.words(), _details(one)) for one in given]
        rows = [
            (
                now,
                one.label_id,
                user,
                str(one.target.scope),
                one.target.client_ip,
                one.target.ja4,
                one.target.host,
                one.label,
                one.note,
                one.expires_at,
                is_revoked,
            )
            for one in given
        ]
        await asyncio.to_thread(self._marts.append, "audit_log", AUDIT_COLUMNS, audit)
        await asyncio.to_thread(self._marts.append, "analyst_labels", LABEL_COLUMNS, rows)


def _details(given: GivenLabel) -> str:
    return json.dumps(
        {
            "label_id": str(given.label_id),
            "label": given.label,
            "scope": given.target.scope,
            "note": given.note,
            "expires_at": given.expires_at.isoformat() if given.expires_at else None,
        },
        ensure_ascii=False,
    )
