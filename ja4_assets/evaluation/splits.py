"""Splits that keep on one side what belongs together: all of an identity, of a moment, of a family."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime

import numpy as np
import polars as pl

from ja4_assets.evaluation.identities import MAPPED
from ja4_assets.evaluation.ranking import IntArray


def identity_folds(truth: pl.DataFrame, folds: int, seed: int = 0) -> dict[str, int]:
    """Fold of each identity, 0 to `folds` - 1; each tier is spread over the folds as evenly as it goes.

    The order within a tier is that of a hash of seed and name: it does not change with other identities'
    names, nor between runs.
    """
    identities = truth.select("identity", "tier").unique("identity").sort("identity")
    ordered = sorted(identities.iter_rows(), key=lambda row: (row[1], _hash(seed, row[0])))
    return {identity: place % folds for place, (identity, _) in enumerate(ordered)}


def folds_of_addresses(addresses: pl.Series, truth: pl.DataFrame, folds: int, seed: int = 0) -> IntArray:
    """Fold of each address, `::ffff:` allowed; -1 for addresses outside the truth."""
    fold_of = identity_folds(truth, folds, seed)
    identity_of = dict(truth.select("address", "identity").iter_rows())
    return np.array(
        [
            fold_of[identity_of[one]] if one in identity_of else -1
            for one in addresses.str.strip_prefix(MAPPED)
        ],
        dtype=np.int64,
    )


def split_by_time(frame: pl.DataFrame, moment: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose `hour` is before `moment`, and the others."""
    is_before = pl.col("hour") < moment
    return frame.filter(is_before), frame.filter(~is_before)


def families_left_out(truth: pl.DataFrame) -> Iterator[tuple[str, list[str], list[str]]]:
    """(family of bots, addresses to train on, addresses of that family), family by family in order of name.

    Training holds everybody but that family; who measures adds the people.
    """
    for family in sorted(set(truth.filter("is_bot")["family"])):
        is_family = pl.col("is_bot") & (pl.col("family") == family)
        yield (
            family,
            truth.filter(~is_family)["address"].sort().to_list(),
            truth.filter(is_family)["address"].sort().to_list(),
        )


def _hash(seed: int, identity: str) -> str:
    return hashlib.sha256(f"{seed}/{identity}".encode()).hexdigest()
