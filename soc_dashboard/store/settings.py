"""Thresholds: what was set, and setting one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime

from soc_dashboard.access import Role, require
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.decision_log import AUDIT_COLUMNS
from soc_dashboard.store.rows import Row
from soc_dashboard.thresholds import Threshold

COLUMNS = ("set_at", "user", "name", "value", "note")


class SettingRow(Row, frozen=True, kw_only=True):
    """settings: the newest value of one threshold."""

    name: str
    value: float
    set_at: datetime
    user: str
    note: str


async def read_settings(marts: MartDatabase) -> dict[str, SettingRow]:
    """The newest value of every threshold that was ever set, by name."""
    return {row.name: row for row in await marts.fetch("settings", SettingRow, {})}


class SettingLog:
    """Appends to `audit_log` and then to `detection_settings`."""

    def __init__(self, marts: MartDatabase, clock: Callable[[], datetime]) -> None:
        self._marts = marts
        self._clock = clock

    async def set(self, user: str, threshold: Threshold, value: float | None, note: str) -> float:
        """Set a threshold.

        Raises ForbiddenError without the role for it, ThresholdRefusedError, or StoreFailedError when it was
        not written.
        """
        require(Role.ADMIN)
        checked = threshold.checked(value, note)
        now = self._clock()
        details = json.dumps({"value": checked, "note": note}, ensure_ascii=False)
        audit = [(now, user, "setting", threshold.name, details)]
        await asyncio.to_thread(self._marts.append, "audit_log", AUDIT_COLUMNS, audit)
        row = [(now, user, threshold.name, checked, note)]
        await asyncio.to_thread(self._marts.append, "detection_settings", COLUMNS, row)
        return checked
