"""Labels and the audit log: what was said, and what a new label would touch."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from soc_dashboard.labels import LabelTarget
from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import AuditRow, LabelRow, TouchedVerdict
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import Window

MAX_TOUCHED_LABELS = 20


@dataclass(frozen=True, slots=True)
class LabelPreview:
    """What a label would touch in a window, before it is given."""

    target: LabelTarget
    window: Window
    verdicts: tuple[TouchedVerdict, ...]
    labels: tuple[LabelRow, ...]
    """Active labels about the same client or JA4, newest first; at most MAX_TOUCHED_LABELS."""

    @property
    def entities(self) -> int:
        """All entities it would touch."""
        return sum(row.entities for row in self.verdicts)

    @property
    def requests(self) -> int:
        """Their requests."""
        return sum(row.requests for row in self.verdicts)

    @property
    def humans(self) -> int:
        """Entities among them that are judged human now."""
        return sum(row.entities for row in self.verdicts if row.verdict == "human")


async def preview_label(marts: MartDatabase, target: LabelTarget, window: Window) -> LabelPreview:
    """Read what the label would touch; raises StoreFailedError."""
    search = conditions(target.terms(), Grain.KEY)
    span = {**span_parameters(window), **search.parameters, "severity": list(SEVERITY)}
    verdicts, labels = await asyncio.gather(
        marts.fetch("label_preview", TouchedVerdict, span, {"scope": search.sql}),
        marts.fetch(
            "labels",
            LabelRow,
            {
                **PageRequest(page_rows=MAX_TOUCHED_LABELS).page_parameters(),
                "client_ip": target.client_ip or "",
                "ja4": "" if target.client_ip else target.ja4 or "",
                "needle": "",
                "is_active_only": 1,
            },
        ),
    )
    return LabelPreview(target, window, tuple(verdicts), tuple(labels))


async def read_labels(marts: MartDatabase, wanted: PageRequest, is_active_only: bool) -> list[LabelRow]:
    """One page of labels, newest first."""
    return await marts.fetch(
        "labels",
        LabelRow,
        {
            **wanted.page_parameters(),
            "client_ip": "",
            "ja4": "",
            "needle": wanted.needle,
            "is_active_only": int(is_active_only),
        },
    )


async def read_audit(marts: MartDatabase, wanted: PageRequest) -> list[AuditRow]:
    """One page of the audit log, newest first."""
    return await marts.fetch("audit", AuditRow, {**wanted.page_parameters(), "needle": wanted.needle})
