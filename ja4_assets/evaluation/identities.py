"""From scores of entity hours to one score for each identity of the truth."""

from __future__ import annotations

import polars as pl

from ja4_assets.evaluation.ranking import NEVER

TRUTH_SCHEMA = {
    "address": pl.String,
    "identity": pl.String,
    "family": pl.String,
    "tier": pl.String,
    "is_bot": pl.Boolean,
    "amplified": pl.Boolean,
}
"""One row for each address. An identity is one actor; all its addresses are judged together."""

SCORED_COLUMNS = ("hour", "client_ip", "score")
MAPPED = "::ffff:"


class TruthError(ValueError):
    """The truth contradicts itself or lacks a column."""


def by_identity(scored: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row for each identity: identity, family, tier, is_bot, amplified, score, first_hour_score, alerts.

    `scored` has a row for each entity hour with `SCORED_COLUMNS`; a null score says that nothing was judged.
    `truth` has the columns of `TRUTH_SCHEMA`. An identity is as suspicious as its most suspicious entity
    hour, since that is what an analyst sees of it; `first_hour_score` takes the first clock hour in which any
    of it was judged, and `NEVER` stands for an identity that never was. `hours` holds the scores of its
    entity hours. Entity hours of addresses outside the truth are left out. Raises TruthError.
    """
    missing = [name for name in TRUTH_SCHEMA if name not in truth.columns]
    if missing:
        raise TruthError(f"the truth lacks {', '.join(missing)}")
    described = truth.group_by("identity").agg(
        pl.col("family", "tier", "is_bot", "amplified").unique(maintain_order=True)
    )
    doubted = described.filter(pl.col("is_bot").list.len() > 1)["identity"].sort().to_list()
    if doubted:
        raise TruthError(f"bot and person at once: {', '.join(doubted[:5])}")
    judged = (
        scored.select(SCORED_COLUMNS)
        .drop_nulls()
        .with_columns(pl.col("client_ip").str.strip_prefix(MAPPED).alias("address"))
        .join(truth.select("address", "identity"), on="address", how="inner")
        .with_columns((pl.col("hour") == pl.col("hour").min().over("identity")).alias("is_first_hour"))
    )
    scores = judged.group_by("identity").agg(
        pl.col("score").max(),
        pl.col("score").filter("is_first_hour").max().alias("first_hour_score"),
        pl.col("score").sort().alias("hours"),
    )
    return (
        described.with_columns(pl.col("family", "tier", "is_bot", "amplified").list.first())
        .join(scores, on="identity", how="left")
        .with_columns(
            pl.col("score", "first_hour_score").cast(pl.Float64).fill_null(NEVER),
            pl.col("hours").fill_null(pl.lit([], dtype=pl.List(pl.Float64))),
        )
        .sort("identity")
    )


def days_covered(scored: pl.DataFrame) -> float:
    """Days from the first to the last hour of the entity hours, both included; 0 without any."""
    if scored.is_empty():
        return 0.0
    seconds = scored.select((pl.col("hour").max() - pl.col("hour").min()).dt.total_seconds()).item()
    return (float(seconds) + 3600.0) / 86_400.0
