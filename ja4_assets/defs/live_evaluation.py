"""What can be measured of the models where they run: beside each other, and on what analysts labelled."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl

from ja4_assets.defs.models import GROUP
from ja4_assets.defs.verdicts import bot_scores
from ja4_assets.ml.names import CHALLENGER, CHAMPION, MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

SHADOW, ANALYSTS = "shadow", "analyst_labels"
"""Values of `model_evaluations.data_set`."""
RANKS_ALIKE_LIVE = "challenger_ranks_like_the_champion"
DAY = timedelta(hours=24)
LABELS_REACH_BACK = timedelta(days=90)
"""As long as judgements are kept."""
MAX_ROWS = 200_000

FIGURES_ON_RECORD = """
select
    toString(slice) as slice,
    toString(metric) as metric,
    argMax(value, evaluated_at) as value,
    argMax(note, evaluated_at) as note
from model_evaluations
where
    model_name = {model_name:String} and model_version = {model_version:String}
    and data_set = {data_set:String}
group by slice, metric
"""


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse"},
    deps=[bot_scores],
    check_specs=[
        dg.AssetCheckSpec(
            name=RANKS_ALIKE_LIVE,
            asset="shadow_agreement",
            description="Over the last day the challenger orders entity hours as the champion does.",
        )
    ],
)
def shadow_agreement(clickhouse: ClickHouseResource, registry: RegistryResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Rank correlation and overlap of the strangest between the champion's scores and the challenger's."""
    from ja4_assets.evaluation.agreement import BOTH_SCORES, TOP_SHARE, maybe_agreement
    from ja4_assets.ml.promotion import MIN_RANK_CORRELATION

    models = registry.open()
    champion, challenger = models.maybe_alias(CHAMPION), models.maybe_alias(CHALLENGER)
    now = datetime.now(UTC)
    window = {"start": now - DAY, "end": now, "max_rows": MAX_ROWS}
    versions = {"model_name": MODEL_NAME, "champion": champion or "", "challenger": challenger or ""}
    found = maybe_agreement(clickhouse.read(BOTH_SCORES, {**window, **versions}))
    if found is None:
        words = "No challenger has scored enough beside the champion in the last day."
        return dg.MaterializeResult(
            check_results=[dg.AssetCheckResult(check_name=RANKS_ALIKE_LIVE, passed=True, description=words)]
        )
    note = f"beside champion {champion}, {found.entity_hours} entity hours of the last day"
    values = {"rank_correlation": found.rank_correlation, "top_overlap": found.top_overlap}
    figures = pl.DataFrame(
        {"slice": "", "metric": list(values), "value": list(values.values()), "note": note},
        schema_overrides={"value": pl.Float64},
    ).with_columns(pl.lit(None, pl.Float64).alias("low"), pl.lit(None, pl.Float64).alias("high"))
    figures = figures.with_columns(pl.lit(found.entity_hours).alias("identities"))
    write_changed(clickhouse, figures, SHADOW, str(challenger))
    is_alike = found.rank_correlation >= MIN_RANK_CORRELATION
    return dg.MaterializeResult(
        metadata={"champion": str(champion), "challenger": str(challenger), **values},
        check_results=[
            dg.AssetCheckResult(
                check_name=RANKS_ALIKE_LIVE,
                passed=is_alike,
                severity=dg.AssetCheckSeverity.WARN,
                description=(
                    f"Version {challenger} {note}: Spearman's correlation {found.rank_correlation:.2f}, "
                    f"{found.top_overlap:.0%} of the strangest {TOP_SHARE:.0%} are the same."
                ),
                metadata={**values, "entity_hours": found.entity_hours},
            )
        ],
    )


@dg.asset(group_name=GROUP, kinds={"clickhouse"}, deps=["fct_labelled_entity_hour", "fct_entity_judgement"])
def label_evaluation(clickhouse: ClickHouseResource, registry: RegistryResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Figures of the champion's score, and of the suspicion with it, on what analysts labelled."""
    from ja4_assets.evaluation.analysts import LABELLED_SCORES, MAX_PER_LABEL, maybe_figures
    from ja4_assets.evaluation.analysts import MAX_ROWS as MAX_LABELLED

    champion = registry.open().maybe_alias(CHAMPION)
    now = datetime.now(UTC)
    bounds = {"max_per_label": MAX_PER_LABEL, "max_rows": MAX_LABELLED}
    labelled = clickhouse.read(LABELLED_SCORES, {"start": now - LABELS_REACH_BACK, "end": now, **bounds})
    written = 0
    for score, data_set in (("anomaly_score", ANALYSTS), ("suspicion", f"{ANALYSTS}, suspicion")):
        figures = maybe_figures(labelled, score) if champion is not None else None
        if figures is not None:
            written += write_changed(clickhouse, figures, data_set, str(champion))
    return dg.MaterializeResult(
        metadata={"labelled_entity_hours": labelled.height, "figures_written": written}
    )


def write_changed(clickhouse: ClickHouseResource, figures: pl.DataFrame, data_set: str, version: str) -> int:
    """Append the figures that are not what the table said last; how many these are."""
    from ja4_assets.evaluation.record import evaluation_rows

    about = {"model_name": MODEL_NAME, "model_version": version, "data_set": data_set}
    rows = evaluation_rows(figures, **about, evaluated_at=datetime.now(UTC))
    on_record = clickhouse.read(FIGURES_ON_RECORD, about)
    changed = rows.join(on_record, on=["slice", "metric", "value", "note"], how="anti")
    return clickhouse.insert("model_evaluations", changed)
