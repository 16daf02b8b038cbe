"""The audit log: who did what."""

from __future__ import annotations

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import AuditRow, Row
from soc_dashboard.window import Window


class AuditAction(Row, frozen=True, kw_only=True):
    """audit_actions: one kind of action that occurs."""

    action: str


async def read_audit(
    marts: MartDatabase, wanted: PageRequest, window: Window, action: str, is_ranged: bool
) -> list[AuditRow]:
    """One page of the audit log, newest first; without `is_ranged` of all time, without `action` of any."""
    return await marts.fetch(
        "audit",
        AuditRow,
        {
            **wanted.page_parameters(),
            **span_parameters(window),
            "needle": wanted.needle,
            "action": action,
            "is_ranged": int(is_ranged),
        },
    )


async def read_actions(marts: MartDatabase) -> list[str]:
    """Kinds of actions that occur in the log."""
    return [row.action for row in await marts.fetch("audit_actions", AuditAction, {})]
