"""Labels and the audit log: what was said, and what a new label would touch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from soc_dashboard.labels import LabelScope, LabelTarget
from soc_dashboard.store.campaign_rows import TouchedCampaign
from soc_dashboard.store.database import MartDatabase, Parameter
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import LabelRow, TouchedHuman, TouchedVerdict
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import Window

MAX_TOUCHED_LABELS = 20
MAX_TOUCHED_HUMANS = 5
MAX_TOUCHED_CAMPAIGNS = 5
_ADDRESSES = "(select toIPv6(arrayJoin({client_ips:Array(String)})))"
_ENTITIES = (
    "(select toIPv6(target.1), target.2, target.3 from (select arrayJoin(arrayZip("
    "{client_ips:Array(String)}, {ja4s:Array(String)}, {hosts:Array(String)})) as target))"
)
SCOPES: dict[LabelScope, str] = {
    LabelScope.ENTITY: f" and (client_ip, ja4_stable, host) in {_ENTITIES}",
    LabelScope.CLIENT_IP: f" and client_ip in {_ADDRESSES}",
    LabelScope.JA4_STABLE: " and ja4_stable in {ja4s:Array(String)}",
}
"""What targets of a scope select of a mart with an entity's key."""


@dataclass(frozen=True, slots=True)
class LabelPreview:
    """What a label would touch in a window, before it is given."""

    targets: tuple[LabelTarget, ...]
    """All of one scope; at least one."""
    window: Window
    verdicts: tuple[TouchedVerdict, ...]
    labels: tuple[LabelRow, ...]
    """Active labels about the same clients or JA4, newest first; at most MAX_TOUCHED_LABELS."""
    people: tuple[TouchedHuman, ...]
    """Entities among them that are judged human now, labelled ones first; at most MAX_TOUCHED_HUMANS."""
    campaigns: tuple[TouchedCampaign, ...]
    """Campaigns with members among them, those with the most first; at most MAX_TOUCHED_CAMPAIGNS."""

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

    @property
    def labelled_humans(self) -> int:
        """Entities among them that an analyst called human."""
        return self.people[0].labelled if self.people else 0


async def preview_labels(marts: MartDatabase, targets: Sequence[LabelTarget], window: Window) -> LabelPreview:
    """Read what a label on all of these targets would touch; raises StoreFailedError."""
    scope = targets[0].scope
    fragments = {"scope": SCOPES[scope]}
    keys = target_parameters(targets)
    span = {**span_parameters(window), **keys, "severity": list(SEVERITY)}
    verdicts, labels, people, campaigns = await asyncio.gather(
        marts.fetch("label_preview", TouchedVerdict, span, fragments),
        marts.fetch(
            "touched_labels",
            LabelRow,
            {
                "client_ips": keys["client_ips"],
                "ja4s": keys["ja4s"] if scope is LabelScope.JA4_STABLE else [],
                "limit": MAX_TOUCHED_LABELS,
            },
        ),
        marts.fetch("touched_humans", TouchedHuman, {**span, "limit": MAX_TOUCHED_HUMANS}, fragments),
        marts.fetch(
            "touched_campaigns", TouchedCampaign, {**span, "limit": MAX_TOUCHED_CAMPAIGNS}, fragments
        ),
    )
    return LabelPreview(
        tuple(targets), window, tuple(verdicts), tuple(labels), tuple(people), tuple(campaigns)
    )


def target_parameters(targets: Sequence[LabelTarget]) -> dict[str, Parameter]:
    """The values that SCOPES bind; an array is empty where the scope has no such part."""
    return {
        "client_ips": [target.client_ip for target in targets if target.client_ip is not None],
        "ja4s": [target.ja4 for target in targets if target.ja4 is not None],
        "hosts": [target.host for target in targets if target.host is not None],
    }


async def read_labels(marts: MartDatabase, wanted: PageRequest, is_active_only: bool) -> list[LabelRow]:
    """One page of labels, newest first."""
    return await marts.fetch(
        "labels",
        LabelRow,
        {**wanted.page_parameters(), "needle": wanted.needle, "is_active_only": int(is_active_only)},
    )
