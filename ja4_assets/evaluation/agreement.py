"""How alike champion and challenger order the same entity hours, from the scores that both gave live."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

TOP_SHARE = 0.01
"""An analyst sees the strangest; that two models agree on the other 99 % helps nobody."""
FEWEST = 50
"""Entity hours below which a correlation says nothing."""

BOTH_SCORES = """
select
    champion.anomaly_score as champion,
    shadow.anomaly_score as challenger
from shadow_scores as shadow final
inner join (
    select hour, client_ip, ja4_stable, host, anomaly_score
    from bot_scores final
    where
        hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
        and model_name = {model_name:String} and model_version = {champion:String}
) as champion using (hour, client_ip, ja4_stable, host)
where
    shadow.hour >= {start:DateTime64(6, 'UTC')} and shadow.hour < {end:DateTime64(6, 'UTC')}
    and shadow.model_name = {model_name:String} and shadow.model_version = {challenger:String}
order by cityHash64(hour, client_ip, ja4_stable, host), hour, client_ip, ja4_stable, host
limit {max_rows:UInt64}
"""
"""Grain: entity hour that both scored. In the order of a hash of the key, so that a limit is a sample."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Champion and challenger on the same rows."""

    entity_hours: int
    rank_correlation: float
    """Spearman's; NaN if one gives the same score to all."""
    top_overlap: float
    """Share of the champion's strangest TOP_SHARE that is among the challenger's too."""


def maybe_agreement(scores: pl.DataFrame) -> Agreement | None:
    """Of columns champion and challenger, a row for each entity hour; None for fewer than FEWEST."""
    if scores.height < FEWEST:
        return None
    correlation = scores.select(pl.corr("champion", "challenger", method="spearman")).item()
    top = max(1, round(TOP_SHARE * scores.height))
    numbered = scores.with_row_index()
    ours, theirs = (
        set(numbered.sort(name, "index", descending=[True, False])["index"].head(top))
        for name in ("champion", "challenger")
    )
    return Agreement(
        scores.height,
        float("nan") if correlation is None else float(correlation),
        len(ours & theirs) / top,
    )
