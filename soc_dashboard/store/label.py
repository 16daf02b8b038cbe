"""One label by its id."""

from __future__ import annotations

from uuid import UUID

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.rows import LabelRow


async def maybe_label(marts: MartDatabase, label_id: UUID) -> LabelRow | None:
    """The label's last state, revoked or not; None when there is none of that id."""
    found = await marts.fetch("label", LabelRow, {"label_id": str(label_id)})
    return found[0] if found else None
