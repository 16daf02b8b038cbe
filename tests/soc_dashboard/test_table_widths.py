"""Widths of a table's columns fill it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from soc_dashboard.pages.table import whole_percents


def test_fractions_are_shared_out_to_the_largest_remainders() -> None:
    assert whole_percents({"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert whole_percents({"a": 5, "b": 3, "c": 1}, 96) == {"a": 53, "b": 32, "c": 11}


@given(st.lists(st.integers(1, 60), min_size=1, max_size=20), st.integers(20, 100))
def test_the_columns_fill_the_table(shares: list[int], of: int) -> None:
    percents = whole_percents({str(place): share for place, share in enumerate(shares)}, of)
    assert sum(percents.values()) == of
    whole = sum(shares)
    assert all(abs(percents[str(place)] - share * of / whole) < 1 for place, share in enumerate(shares))
