"""The hours that exist as partitions, and the window of a run in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import dagster as dg

from ja4_assets.settings import AssetSettings
from ja4_assets.warehouse.run_hours import FEW_REQUESTS_TAG, RUN_HOURS

PARTITION_FORMAT = "%Y-%m-%d-%H:%M"


def hourly_partitions(retention_days: int, now: datetime) -> dg.HourlyPartitionsDefinition:
    """Hours from midnight `retention_days` ago to the current hour, which is a partition while it fills.

    Older raw rows are gone, so an older partition could not be materialised. The start moves when the
    code location is loaded again; a fixed start in the past would show thousands of hours as missing.
    """
    start = (now - timedelta(days=retention_days)).replace(hour=0, minute=0, second=0, microsecond=0)
    return dg.HourlyPartitionsDefinition(start_date=start, end_offset=1, fmt=PARTITION_FORMAT)


HOURS = hourly_partitions(AssetSettings().retention_days, datetime.now(UTC))

FEW_HOURS = dg.BackfillPolicy.multi_run(max_partitions_per_run=RUN_HOURS)
"""Dagster cuts a backfill into runs of so many hours."""


@dataclass(frozen=True, slots=True)
class HourWindow:
    """Whole hours, UTC, half-open."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, context: dg.AssetExecutionContext) -> HourWindow:
        """The window of the partition, or range of partitions, that a run materialises.

        Raises dg.Failure for more than RUN_HOURS hours, unless they are known to hold few requests: a range
        set by hand, past the backfill policy.
        """
        window = context.partition_time_window
        found = cls(window.start.astimezone(UTC), window.end.astimezone(UTC))
        is_long = found.end - found.start > timedelta(hours=RUN_HOURS)
        if is_long and FEW_REQUESTS_TAG not in context.run.tags:
            raise dg.Failure(
                description=f"a run takes at most {RUN_HOURS} hours, for its memory grows with them: "
                "launch a backfill, which is cut into such runs",
                allow_retries=False,
            )
        return found

    @property
    def parameters(self) -> dict[str, object]:
        """For queries that read `{start:…}` and `{end:…}`."""
        return {"start": self.start, "end": self.end}

    @property
    def hours(self) -> list[HourWindow]:
        """The window hour by hour."""
        count = int((self.end - self.start) / timedelta(hours=1))
        edges = [self.start + timedelta(hours=number) for number in range(count + 1)]
        return [HourWindow(start, end) for start, end in pairwise(edges)]
