"""Splits keep identities, moments and families whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

from ja4_assets.evaluation.identities import TRUTH_SCHEMA
from ja4_assets.evaluation.splits import families_left_out, folds_of_addresses, identity_folds, split_by_time

TRUTH = pl.DataFrame(
    [
        (f"192.0.2.{2 * n + second}", f"{tier}-{n}", f"{tier}{n % 2}", tier, tier == "bot", False)
        for tier, first in (("bot", 0), ("human", 40))
        for n in range(first, first + 20)
        for second in (0, 1)
    ],
    TRUTH_SCHEMA,
    orient="row",
)


def test_folds_keep_an_identitys_addresses_together_and_spread_each_tier() -> None:
    folds = identity_folds(TRUTH, 5)
    counts = pl.DataFrame({"tier": [name[:3] for name in folds], "fold": list(folds.values())})
    assert set(counts.group_by("tier", "fold").len()["len"]) == {4}
    of_address = folds_of_addresses(TRUTH["address"], TRUTH, 5)
    assert (of_address[0::2] == of_address[1::2]).all()


def test_folds_do_not_depend_on_the_order_of_the_truth_but_on_the_seed() -> None:
    assert identity_folds(TRUTH, 5) == identity_folds(TRUTH.reverse(), 5)
    assert identity_folds(TRUTH, 5) != identity_folds(TRUTH, 5, seed=1)


def test_an_address_outside_the_truth_is_in_no_fold() -> None:
    found = folds_of_addresses(pl.Series(["198.51.100.9", "::ffff:192.0.2.0"]), TRUTH, 5)
    assert found[0] == -1
    assert found[1] >= 0


def test_a_family_left_out_is_in_no_training() -> None:
    found = {family: (train, test) for family, train, test in families_left_out(TRUTH)}
    assert set(found) == {"bot0", "bot1"}
    for train, test in found.values():
        assert not set(train) & set(test)
        assert len(train) + len(test) == TRUTH.height


def test_a_moment_belongs_to_the_later_part() -> None:
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    frame = pl.DataFrame({"hour": [noon - timedelta(hours=1), noon, noon + timedelta(hours=1)]})
    before, after = split_by_time(frame, noon)
    assert (before.height, after.height) == (1, 2)
