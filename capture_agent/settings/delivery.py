"""Section `[delivery]`: batches and queues in front of every sink."""

from __future__ import annotations

from pydantic import Field

from capture_agent.settings.fields import Section


class DeliverySettings(Section):
    """Size and age of batches, and how long an insert is tried."""

    batch_rows: int = Field(default=50_000, ge=1)
    """Rows of one insert at most."""
    batch_bytes: int = Field(default=32 << 20, ge=1_024)
    """Bytes of one insert at most."""
    batch_age_s: float = Field(default=2.0, gt=0, le=3_600)
    """How long `run` collects rows for one batch at most."""
    queue_rows: int = Field(default=100_000, ge=1)
    """Rows that may wait for a sink, about 2 kB each; more are discarded and counted."""
    insert_deadline_s: float = Field(default=60.0, ge=0)
    """How long `replay` tries an insert again after its first failure."""
