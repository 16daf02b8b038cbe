"""People who look at the same page at once: one read for all, and never an old one after a decision."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from soc_dashboard.pages.session import shared_moment
from soc_dashboard.store.database import SHARED_S, MartDatabase, StoreFailedError
from soc_dashboard.store.rows import Extent

ROW = Extent(oldest=None, newest=None)
WINDOW = {"since_us": 0, "until_us": 1}


class CountedMarts(MartDatabase):
    """Answers every read with one row after a moment, and counts them."""

    def __init__(self) -> None:
        super().__init__("http://nowhere.test")
        self.read_count = 0
        self.is_away = False

    async def fetch(
        self,
        query: str,
        row_type: type[Any],  # noqa: ARG002 - as in the store
        parameters: Mapping[str, Any],  # noqa: ARG002
        fragments: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> list[Any]:
        self.read_count += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreFailedError(query, "the database does not answer")
        return [ROW]

    def append(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:  # noqa: ARG002
        """Nothing is stored."""
        self.count_write()


async def read(marts: MartDatabase, **changed: int | str) -> list[Extent]:
    return await marts.for_pages.fetch("overview", Extent, {**WINDOW, **changed})


def test_equal_reads_at_once_are_one() -> None:
    marts = CountedMarts()

    async def five() -> list[list[Extent]]:
        return await asyncio.gather(*(read(marts) for _ in range(5)))

    assert asyncio.run(five()) == [[ROW]] * 5
    assert marts.read_count == 1


def test_another_window_or_value_is_another_read() -> None:
    marts = CountedMarts()

    async def different() -> None:
        await asyncio.gather(read(marts), read(marts, until_us=2), read(marts, needle="x"))

    asyncio.run(different())
    assert marts.read_count == 3


def test_what_has_no_window_is_read_every_time() -> None:
    marts = CountedMarts()

    async def twice() -> None:
        for _ in range(2):
            await marts.for_pages.fetch("label", Extent, {"label_id": "1"})

    asyncio.run(twice())
    assert marts.read_count == 2


def test_after_a_decision_everything_is_read_again() -> None:
    marts = CountedMarts()

    async def around_a_label() -> None:
        await read(marts)
        marts.for_pages.append("analyst_labels", ["label"], [["human"]])
        await read(marts)

    asyncio.run(around_a_label())
    assert marts.read_count == 2


def test_a_failed_read_is_tried_again_by_the_next() -> None:
    marts = CountedMarts()

    async def fail_then_succeed() -> list[Extent]:
        marts.is_away = True
        with pytest.raises(StoreFailedError):
            await read(marts)
        marts.is_away = False
        return await read(marts)

    assert asyncio.run(fail_then_succeed()) == [ROW]


def test_one_who_leaves_does_not_end_the_read_of_the_others() -> None:
    marts = CountedMarts()

    async def leave() -> list[Extent]:
        first = asyncio.create_task(read(marts))
        second = asyncio.create_task(read(marts))
        await asyncio.sleep(0)
        first.cancel()
        return await second

    assert asyncio.run(leave()) == [ROW]
    assert marts.read_count == 1


@pytest.mark.parametrize(
    "late", [timedelta(0), timedelta(microseconds=1), timedelta(seconds=4, milliseconds=999)]
)
def test_pages_opened_together_are_as_of_the_same_time_which_is_never_ahead(late: timedelta) -> None:
    start = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
    assert shared_moment(start + late) == start
    assert shared_moment(start + timedelta(seconds=SHARED_S)) == start + timedelta(seconds=SHARED_S)
