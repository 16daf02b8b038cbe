"""Section `[spool]`: where batches wait on disk while the database is away."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from capture_agent.settings.fields import Section


class SpoolSettings(Section):
    """Place and bounds of the spool."""

    dir: Path | None = None
    """Folder of the spool; None: `spool` in `agent.state_dir`."""
    max_mib: int = Field(default=1_024, ge=0, le=1 << 20)
    """Disk that it may use, compressed; the oldest batches make room. 0: no spool."""
    max_age_h: float = Field(default=72.0, gt=0, le=24 * 365)
    """Older batches are discarded."""
    rejected_mib: int = Field(default=64, ge=0, le=1 << 20)
    """Disk for batches that the database refused, and for damaged ones, kept to be looked at."""
