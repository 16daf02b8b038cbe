"""A span of hours is cut into runs that cover each hour once, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ja4_assets.warehouse.run_hours import RUN_HOURS, runs_of

FIRST = datetime(2026, 11, 21, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("count", [1, RUN_HOURS - 1, RUN_HOURS, RUN_HOURS + 1, 3 * RUN_HOURS, 361])
def test_runs_cover_each_hour_once_in_order_and_none_is_longer_than_the_bound(count: int) -> None:
    runs = runs_of(FIRST, FIRST + HOUR * (count - 1))
    covered = [
        start + HOUR * number for start, end in runs for number in range(int((end - start) / HOUR) + 1)
    ]
    assert covered == [FIRST + HOUR * number for number in range(count)]
    assert all(end - start < RUN_HOURS * HOUR for start, end in runs)
    assert len(runs) == -(-count // RUN_HOURS)
