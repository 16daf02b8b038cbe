"""Figures on what analysts labelled: a truth that grows with their work, and shrinks as labels end.

A label that was given because of an alert measures precision; only one that was given for another reason says
what is missed. So bots have a tier of their own by what the machine had said: recall is that of `MISSED` and
`FOUND` together only where analysts look beyond the queue.
"""

from __future__ import annotations

import polars as pl

from ja4_assets.evaluation.evaluate import NothingToMeasureError, evaluate
from ja4_assets.evaluation.identities import MAPPED, TRUTH_SCHEMA
from ja4_assets.evaluation.slices import HONEST

FOUND, MISSED, PERSON = "labelled_bot_found", "labelled_bot_missed", "labelled_person"
"""Tiers: bots that rules or model had called suspicious or bad, bots that they had not, people."""
MAX_PER_LABEL = 50
"""A label of a whole JA4 is one opinion, however many it is about."""
MAX_ROWS = 20_000

LABELLED_SCORES = """
select
    toDateTime64(labelled.hour, 6, 'UTC') as hour,
    toString(labelled.client_ip) as client_ip,
    toString(labelled.label) as label,
    toString(labelled.user) as user,
    labelled.labelled_at as labelled_at,
    labelled.machine_verdict as machine_verdict,
    entity.suspicion as suspicion,
    entity.anomaly_score as anomaly_score
from (
    select *
    from fct_labelled_entity_hour
    where hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
    order by labelled_at desc, label_id asc, hour desc, client_ip asc, ja4_stable asc, host asc
    limit {max_per_label:UInt32} by label_id
) as labelled
inner join (
    select hour, client_ip, ja4_stable, host, suspicion, anomaly_score
    from fct_entity_judgement
    where hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
) as entity using (hour, client_ip, ja4_stable, host)
order by labelled_at desc, label_id asc, hour desc, client_ip asc, ja4_stable asc, host asc
limit {max_rows:UInt64}
"""
"""Grain: labelled entity hour, that of the newest label first. The mart has no revoked or expired label."""


def truth_of(labelled: pl.DataFrame) -> pl.DataFrame:
    """Truth (`identities.TRUTH_SCHEMA`) of rows of LABELLED_SCORES: an address is what its newest label says.

    `family` is who said so.
    """
    is_hostile = pl.col("machine_verdict").is_in(["suspicious", "bad_bot"])
    address = pl.col("client_ip").str.strip_prefix(MAPPED)
    newest = labelled.sort("labelled_at", descending=True, maintain_order=True).with_columns(
        is_hostile.any().over("client_ip").alias("is_found")
    )
    tier = (
        pl.when(pl.col("label") == "human")
        .then(pl.lit(PERSON))
        .when(pl.col("label") == "good_bot")
        .then(pl.lit(HONEST))
        .when("is_found")
        .then(pl.lit(FOUND))
        .otherwise(pl.lit(MISSED))
    )
    return (
        newest.unique("client_ip", keep="first", maintain_order=True)
        .select(
            address.alias("address"),
            address.alias("identity"),
            pl.concat_str(pl.lit("analyst:"), "user").alias("family"),
            tier.alias("tier"),
            (pl.col("label") != "human").alias("is_bot"),
            pl.lit(False).alias("amplified"),
        )
        .select(TRUTH_SCHEMA.keys())
    )


def maybe_figures(labelled: pl.DataFrame, score: str) -> pl.DataFrame | None:
    """Figures (`evaluate.FIGURES_SCHEMA`) of a column of scores; None without labelled bots and people.

    Their note says whose labels they rest on, and until when those were given.
    """
    if labelled.is_empty():
        return None
    scored = labelled.select("hour", "client_ip", pl.col(score).alias("score"))
    try:
        figures = evaluate(scored, truth_of(labelled))
    except NothingToMeasureError:
        return None
    users = ", ".join(labelled["user"].unique().sort())
    newest = labelled.select(pl.col("labelled_at").max().dt.strftime("%Y-%m-%d")).item()
    return figures.with_columns(
        pl.format("{}; labels of {}, the newest of {}", "note", pl.lit(users), pl.lit(newest))
    )
