"""Which entity hours of a day are alerts under the false-alarm promise, and what their limit is."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.ml.conformal import benjamini_hochberg
from ja4_assets.ml.labelled import labelled_bots

UNDECIDED_P_VALUES = """
select
    toDateTime64(score.hour, 6, 'UTC') as hour,
    toString(score.client_ip) as client_ip,
    toString(score.ja4_stable) as ja4_stable,
    toString(score.host) as host,
    assumeNotNull(score.p_value) as p_value,
    toString(score.traffic_class) as traffic_class
from bot_scores as score final
left anti join (
    select hour, client_ip, ja4_stable, host
    from (
        select hour, client_ip, ja4_stable, host, verdict, source
        from verdicts
        where hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
        order by decided_at desc
        limit 1 by hour, client_ip, ja4_stable, host
    )
    where source = 'rule' and verdict in ('good_bot', 'suspicious', 'bad_bot')
) as decided using (hour, client_ip, ja4_stable, host)
where
    score.hour >= {start:DateTime64(6, 'UTC')} and score.hour < {end:DateTime64(6, 'UTC')}
    and score.model_name = {model_name:String} and score.model_version = {model_version:String}
    and isNotNull(score.p_value)
"""
"""Entity hours that no rule has decided: the model's own cases. Calibration has left out the same ones, so
that what is left of ordinary traffic is alike on both sides."""

SCORES_TO_MARK = """
select
    toDateTime64(score.hour, 6, 'UTC') as hour,
    toString(score.client_ip) as client_ip,
    toString(score.ja4_stable) as ja4_stable,
    toString(score.host) as host,
    toString(score.model_name) as model_name,
    toString(score.model_version) as model_version,
    score.anomaly_score as anomaly_score,
    score.score_quantile as score_quantile,
    score.threshold as threshold,
    score.top_features as top_features,
    toString(score.data_version) as data_version,
    toString(score.dagster_run_id) as dagster_run_id,
    score.p_value as p_value,
    toString(score.traffic_class) as traffic_class,
    score.is_alert as is_alert
from bot_scores as score final
where
    score.hour >= {start:DateTime64(6, 'UTC')} and score.hour < {end:DateTime64(6, 'UTC')}
    and score.model_name = {model_name:String} and score.model_version = {model_version:String}
    and (score.is_alert = 1 or score.p_value <= {limit:Float64})
"""


@dataclass(frozen=True, slots=True)
class DayOfAlerts:
    """What a day's p-values allow."""

    undecided: pl.DataFrame
    """KEY_COLUMNS, p_value, traffic_class of the entity hours that were weighed."""
    limit: float
    """Largest p-value of an alert; 0 without any."""
    alerts: pl.DataFrame
    """KEY_COLUMNS of the alerts."""


def weigh_day(undecided: pl.DataFrame, labels: pl.DataFrame, share: float) -> DayOfAlerts:
    """Benjamini and Hochberg's rule over one day's rows of UNDECIDED_P_VALUES, labelled bots left out.

    `labels`: `labelled.LABELS_SCHEMA`.
    """
    open_cases = undecided.filter(~pl.Series(labelled_bots(undecided, labels), dtype=pl.Boolean))
    limit = benjamini_hochberg(open_cases["p_value"].to_numpy(), share)
    return DayOfAlerts(open_cases, limit, open_cases.filter(pl.col("p_value") <= limit).select(KEY_COLUMNS))


def changed_scores(candidates: pl.DataFrame, alerts: pl.DataFrame) -> pl.DataFrame:
    """Rows of SCORES_TO_MARK whose mark is not what `alerts` says, with the right one; `scored_at` is the
    caller's."""
    marked = candidates.join(
        alerts.with_columns(pl.lit(1, dtype=pl.UInt8).alias("is_now")),
        on=KEY_COLUMNS,
        how="left",
        maintain_order="left",
    ).with_columns(pl.col("is_now").fill_null(0))
    changed = marked.filter(pl.col("is_now") != pl.col("is_alert"))
    return changed.with_columns(pl.col("is_now").alias("is_alert")).drop("is_now")
