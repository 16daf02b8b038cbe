"""Reads and shapes of the append-only table `verdicts`."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.rules.catalogue import RULES_BY_ID
from ja4_assets.rules.evidence import evidence, reason_sentence

LATEST_SCORES = """
select
    toDateTime64(hour, 6, 'UTC') as hour,
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    anomaly_score,
    score_quantile,
    threshold,
    toString(model_name) as model_name,
    toString(model_version) as model_version,
    top_features,
    p_value,
    is_alert
from bot_scores as score final
where
    score.hour >= {start:DateTime64(6, 'UTC')} and score.hour < {end:DateTime64(6, 'UTC')}
    and score.model_name = {model_name:String}
order by score.scored_at desc, score.model_version desc
limit 1 by score.hour, score.client_ip, score.ja4_stable, score.host
"""
"""The newest score of each entity hour, whichever version gave it."""

LATEST_OUTCOMES = """
select
    toDateTime64(hour, 6, 'UTC') as hour,
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    toString(verdict) as verdict,
    toString(source) as source,
    toString(source_id) as source_id,
    toFloat64(confidence) as confidence
from verdicts as decision
where decision.hour >= {start:DateTime64(6, 'UTC')} and decision.hour < {end:DateTime64(6, 'UTC')}
order by decision.decided_at desc
limit 1 by decision.hour, decision.client_ip, decision.ja4_stable, decision.host
"""
"""The decision that holds for each entity hour."""


def verdict_rows(
    decisions: pl.DataFrame, share: float, decided_at: datetime, dagster_run_id: str
) -> pl.DataFrame:
    """Rows of `verdicts` for what `policy.changed_only` returned, under the promise of `share`."""
    records = list(decisions.iter_rows(named=True))
    return decisions.select(
        pl.lit(decided_at).alias("decided_at"),
        *KEY_COLUMNS,
        "verdict",
        "source",
        "source_id",
        pl.col("confidence").cast(pl.Float32),
        pl.Series("reason", [reason_sentence(row, RULES_BY_ID, share) for row in records], dtype=pl.String),
        pl.Series(
            "evidence",
            [evidence(row, RULES_BY_ID) for row in records],
            dtype=pl.Map(pl.String(), pl.String()),
        ),
        pl.lit(dagster_run_id).alias("dagster_run_id"),
    )
