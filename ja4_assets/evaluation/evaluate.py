"""Figures of a score: how many of the bots it finds at a given share of people flagged, slice by slice.

Thresholds are always set on all people of the truth, so that slices can be compared. A share of people
finer than one of them is no measurement: such a rate is left out, and `NO_FALSE_ALARM` gives what is found
before the first person is flagged. Intervals are percentiles of a bootstrap that draws identities, bots and
people apart, because the hours of one identity are no independent samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ja4_assets.evaluation.identities import by_identity, days_covered
from ja4_assets.evaluation.ranking import BoolArray, FloatArray, IntArray, Ranking
from ja4_assets.evaluation.slices import ALL, HONEST, OBSERVED_PEOPLE, WITHOUT_HONEST, tier_slice

RATES = (0.01, 0.001)
"""Shares of the people flagged at which recall is given."""
BOOTSTRAP_ROUNDS = 500
INTERVAL = (0.025, 0.975)
SEED = 20_261_122

AVERAGE_PRECISION = "average_precision"
RECALL = "recall"
FIRST_HOUR_RECALL = "first_hour_recall"
FALSE_ALARMS = "false_alarm_share"
ALERTS_PER_DAY = "alerts_per_day"
FALSE_ALERTS_PER_DAY = "false_alerts_per_day"
THRESHOLD = "threshold"
NO_FALSE_ALARM = "no_false_alarm"

FIGURES_SCHEMA = {
    "slice": pl.String,
    "metric": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "identities": pl.Int64,
    "note": pl.String,
}
"""Grain: (slice, metric). `low` and `high` are null where there is no interval; `identities` is how many the
figure is about: the bots of a recall, the people of a share of false alarms."""


class NothingToMeasureError(ValueError):
    """The truth holds no bot or no person."""


@dataclass(frozen=True, slots=True)
class _Point:
    """One way of setting the threshold, and the name of the metrics at it."""

    suffix: str
    rate: float


def at(metric: str, rate: float | None) -> str:
    """Name of a metric at a share of people flagged; None: before the first of them is."""
    return f"{metric}_at_{NO_FALSE_ALARM}" if rate is None else f"{metric}_at_fpr_{rate:g}"


def evaluate(
    scored: pl.DataFrame,
    truth: pl.DataFrame,
    *,
    rates: Sequence[float] = RATES,
    rounds: int = BOOTSTRAP_ROUNDS,
    seed: int = SEED,
) -> pl.DataFrame:
    """Figures with the columns of `FIGURES_SCHEMA`; inputs as for `identities.by_identity`.

    The same inputs give the same figures. Raises TruthError and NothingToMeasureError.
    """
    people = by_identity(scored, truth)
    is_bot = people["is_bot"].to_numpy().astype(np.bool_)
    if is_bot.all() or not is_bot.any():
        raise NothingToMeasureError("the truth needs bots and people")
    weights = np.vstack([np.ones(len(is_bot)), _draws(is_bot, rounds, seed)])
    points = [_Point(f"fpr_{rate:g}", rate) for rate in rates if rate * (~is_bot).sum() >= 1.0]
    points.append(_Point(NO_FALSE_ALARM, 0.0))
    note = _note(people)
    rows: list[dict[str, object]] = []
    for name, part in _parts(people):
        rows += _of_bots(people, name, part, weights, points, note)
    rows += _of_people(people, weights, points, note)
    rows += _alerts(people, days_covered(scored), weights, points, note)
    return pl.DataFrame(rows, FIGURES_SCHEMA)


def figure(figures: pl.DataFrame, slice_name: str, metric: str) -> float:
    """The value of one figure. Raises KeyError if it was not measured."""
    found = figures.filter((pl.col("slice") == slice_name) & (pl.col("metric") == metric))
    if found.is_empty():
        raise KeyError(f"{slice_name} has no {metric}")
    return float(found["value"].item())


def _parts(people: pl.DataFrame) -> Iterator[tuple[str, BoolArray]]:
    """Each slice of bots with a mask over the identities that belong to it; people belong to every one."""
    tier, is_bot = people["tier"], people["is_bot"]
    yield ALL, np.ones(people.height, dtype=np.bool_)
    yield WITHOUT_HONEST, (tier != HONEST).to_numpy()
    for name in sorted(set(tier.filter(is_bot))):
        yield tier_slice(name), (~is_bot | (tier == name)).to_numpy()


def _of_bots(
    people: pl.DataFrame,
    name: str,
    part: BoolArray,
    weights: FloatArray,
    points: Sequence[_Point],
    note: str,
) -> Iterator[dict[str, object]]:
    scores, is_bot = people["score"].to_numpy()[part], people["is_bot"].to_numpy().astype(np.bool_)[part]
    first = people["first_hour_score"].to_numpy()[part]
    part_weights, bots = weights[:, part], int(is_bot.sum())
    ranking = Ranking.of(scores, is_bot)
    yield _row(name, AVERAGE_PRECISION, ranking.average_precision(part_weights), bots, note)
    for point in points:
        cut = ranking.cut_at(point.rate, part_weights)
        found = ranking.share_flagged(cut, part_weights * is_bot)
        yield _row(name, f"{RECALL}_at_{point.suffix}", found, bots, note)
        early = _early_recall(ranking, cut, first, part_weights * is_bot)
        yield _row(name, f"{FIRST_HOUR_RECALL}_at_{point.suffix}", early, bots, note)


def _early_recall(ranking: Ranking, cut: IntArray, first: FloatArray, weights: FloatArray) -> FloatArray:
    """Share of the bots whose first judged hour alone reaches the threshold that holds for the whole time."""
    thresholds = np.array([ranking.threshold(int(one)) for one in cut])
    reached = first[None, :] >= thresholds[:, None]
    total = np.asarray(weights.sum(axis=1), dtype=np.float64)
    shares: FloatArray = np.full_like(total, np.nan)
    np.divide((weights * reached).sum(axis=1), total, out=shares, where=total > 0)
    return shares


def _of_people(
    people: pl.DataFrame, weights: FloatArray, points: Sequence[_Point], note: str
) -> Iterator[dict[str, object]]:
    is_bot = people["is_bot"].to_numpy().astype(np.bool_)
    ranking = Ranking.of(people["score"].to_numpy(), is_bot)
    tiers = sorted(set(people["tier"].filter(~people["is_bot"])))
    slices = {tier_slice(tier): (people["tier"] == tier).to_numpy() & ~is_bot for tier in tiers}
    slices[OBSERVED_PEOPLE] = ~people["amplified"].to_numpy().astype(np.bool_) & ~is_bot
    for point in points[:-1]:
        cut = ranking.cut_at(point.rate, weights)
        for name, members in slices.items():
            shares = ranking.share_flagged(cut, weights * members)
            yield _row(name, f"{FALSE_ALARMS}_at_{point.suffix}", shares, int(members.sum()), note)


def _alerts(
    people: pl.DataFrame, days: float, weights: FloatArray, points: Sequence[_Point], note: str
) -> Iterator[dict[str, object]]:
    """Entity hours a day at or above the threshold: what an analyst's list would have to hold."""
    is_bot = people["is_bot"].to_numpy().astype(np.bool_)
    ranking = Ranking.of(people["score"].to_numpy(), is_bot)
    for point in points:
        threshold = ranking.threshold(int(ranking.cut_at(point.rate, weights[:1])[0]))
        hours = people["hours"].list.eval((pl.element() >= threshold).cast(pl.Int64)).list.sum().to_numpy()
        yield _row(ALL, f"{THRESHOLD}_at_{point.suffix}", np.array([threshold]), len(is_bot), note)
        if days > 0:
            every = np.array([hours.sum() / days])
            false = np.array([hours[~is_bot].sum() / days])
            yield _row(ALL, f"{ALERTS_PER_DAY}_at_{point.suffix}", every, len(is_bot), note)
            yield _row(ALL, f"{FALSE_ALERTS_PER_DAY}_at_{point.suffix}", false, int((~is_bot).sum()), note)


def _row(name: str, metric: str, values: FloatArray, identities: int, note: str) -> dict[str, object]:
    """The first of the values is the measurement, the others are the bootstrap's."""
    drawn = values[1:][~np.isnan(values[1:])]
    low, high = np.quantile(drawn, INTERVAL) if len(drawn) else (None, None)
    return {
        "slice": name,
        "metric": metric,
        "value": float(values[0]),
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
        "identities": identities,
        "note": note,
    }


def _draws(is_bot: BoolArray, rounds: int, seed: int) -> FloatArray:
    """How often each identity is drawn in each round, shape (rounds, identities)."""
    rng = np.random.default_rng(seed)
    drawn = np.zeros((rounds, len(is_bot)))
    for group in (np.flatnonzero(is_bot), np.flatnonzero(~is_bot)):
        drawn[:, group] = rng.multinomial(len(group), np.full(len(group), 1.0 / len(group)), size=rounds)
    return drawn


def _note(people: pl.DataFrame) -> str:
    """Who the people are: the reader must see at once whether they were observed or made."""
    observed = people.filter(~pl.col("is_bot"))
    made = int(observed["amplified"].sum())
    real = observed.height - made
    return f"{real} observed and {made} amplified people" if made else f"{real} observed people"
