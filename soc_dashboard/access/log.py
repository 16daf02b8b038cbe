"""What happened to accounts: sign-ins, lock-outs, changes of users and tokens, newest kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from soc_dashboard.access.storage import AccountsFile

MAX_ENTRIES = 50_000
MAX_DETAILS = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """One thing that happened; `at` in seconds since the Unix epoch."""

    at: int
    actor: str
    action: str
    details: str


class AccessLog:
    """Appends to the file, and to the process's own log for those who collect that."""

    def __init__(self, file: AccountsFile, clock: Callable[[], int]) -> None:
        self._file = file
        self._clock = clock

    def note(self, actor: str, action: str, details: str) -> None:
        """Add one entry; beyond MAX_ENTRIES the oldest go."""
        log.info("access", actor=actor, action=action, details=details[:MAX_DETAILS])
        self._file.change(
            "insert into access_log (at, actor, action, details) values (?, ?, ?, ?)",
            (self._clock(), actor[:100], action, details[:MAX_DETAILS]),
        )
        self._file.change(
            "delete from access_log where entry_id <= (select max(entry_id) from access_log) - ?",
            (MAX_ENTRIES,),
        )

    def newest(self, count: int) -> list[AccessEntry]:
        """The last entries, newest first."""
        rows = self._file.rows("select * from access_log order by entry_id desc limit ?", (count,))
        return [AccessEntry(row["at"], row["actor"], row["action"], row["details"]) for row in rows]
