"""The day's alerts under the false-alarm promise, and the monitor that says when it cannot be kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from ja4_assets.defs.decide import decide_hour, share_in_force
from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.defs.verdicts import bot_scores, verdicts
from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.ml.names import CHAMPION, MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource

if TYPE_CHECKING:
    from ja4_assets.ml.forest import EntityForest
    from ja4_assets.ml.promise import PromiseExamination

GROUP = "verdicts"
CAN_BE_KEPT = "promise_can_be_kept"
PROMISE = "promise"

NOTE_ON_RECORD = """
select argMax(note, evaluated_at) as note, argMax(value, evaluated_at) as value
from model_evaluations
where
    model_name = {model_name:String} and model_version = {model_version:String}
    and data_set = {data_set:String} and metric = {metric:String}
"""


@dataclass(frozen=True, slots=True)
class Champion:
    """The model whose scores are weighed."""

    version: str
    forest: "EntityForest"
    trained_until: datetime

    @property
    def parameters(self) -> dict[str, object]:
        """For queries that name the model."""
        return {"model_name": MODEL_NAME, "model_version": self.version}


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse"},
    partitions_def=HOURS,
    backfill_policy=FEW_HOURS,
    deps=[bot_scores, verdicts],
    pool="bot_scores",
    check_specs=[
        dg.AssetCheckSpec(
            name=CAN_BE_KEPT,
            asset="promised_alerts",
            description="Nothing speaks against the promise about the share of wrong alerts.",
        )
    ],
)
def promised_alerts(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource, registry: RegistryResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Marks in `bot_scores` the alerts of each UTC day that the run touches: Benjamini-Hochberg over its
    p-values. Whose mark changes gets the verdict that follows from it."""
    from ja4_assets.ml.alerts import SCORES_TO_MARK, UNDECIDED_P_VALUES, changed_scores, weigh_day
    from ja4_assets.ml.labelled import ACTIVE_LABELS

    models = registry.open()
    version = models.maybe_alias(CHAMPION)
    if version is None:
        raise dg.Failure(description="no model is champion yet", allow_retries=False)
    champion = Champion(version, models.load(version), models.facts(version).window_end)
    share = share_in_force(clickhouse)
    labels = clickhouse.read(ACTIVE_LABELS)
    found: dict[str, int] = {}
    decided = 0
    examination: PromiseExamination | None = None
    for day in days_of(HourWindow.of(context)):
        parameters = {**day.parameters, **champion.parameters}
        weighed = weigh_day(clickhouse.read(UNDECIDED_P_VALUES, parameters), labels, share)
        to_mark = clickhouse.read(SCORES_TO_MARK, {**parameters, "limit": weighed.limit})
        changed = changed_scores(to_mark, weighed.alerts).with_columns(
            pl.lit(datetime.now(UTC)).alias("scored_at")
        )
        clickhouse.insert("bot_scores", changed)
        keys = changed.select(KEY_COLUMNS)
        for hour in keys["hour"].unique().sort():
            window = HourWindow(hour, hour + timedelta(hours=1))
            decided += decide_hour(clickhouse, window, share, context.run.run_id, keys).written
        found[f"{day.start:%Y-%m-%d}"] = weighed.alerts.height
        examination = examine_day(champion, day, weighed.undecided, share)
        write_down(clickhouse, champion, examination)
    words = " ".join(examination.faults) if examination else "No entity hours."
    return dg.MaterializeResult(
        metadata={
            "share": share,
            "model_version": version,
            "decisions_written": decided,
            **{f"alerts {day}": n for day, n in found.items()},
        },
        check_results=[
            dg.AssetCheckResult(
                check_name=CAN_BE_KEPT,
                passed=examination is not None and examination.is_kept,
                severity=dg.AssetCheckSeverity.WARN,
                description=words or None,
                metadata={"worst_share": examination.worst_share if examination else share},
            )
        ],
    )


def days_of(window: HourWindow) -> list[HourWindow]:
    """The UTC days that a window touches, whole."""
    first = window.start.replace(hour=0)
    count = -(-(window.end - first) // timedelta(days=1))
    return [
        HourWindow(first + timedelta(days=number), first + timedelta(days=number + 1))
        for number in range(count)
    ]


def examine_day(
    champion: Champion, day: HourWindow, undecided: pl.DataFrame, share: float
) -> "PromiseExamination":
    """What speaks against the promise of one day."""
    from ja4_assets.ml.promise import Circumstances, examine_promise

    calibration, drift = champion.forest.calibration, champion.forest.drift
    is_known = undecided["ja4_stable"].is_in(list(drift.known_ja4) if drift else [])
    used: Mapping[str, int] = {
        name: len(calibration.scores[name])
        for name in undecided["traffic_class"].unique().to_list()
        if name in calibration.scores
    }
    return examine_promise(
        Circumstances(
            share=share,
            p_values=undecided["p_value"].to_numpy(),
            addresses=undecided["client_ip"].n_unique(),
            calibration_rows=used,
            day=day.start,
            trained_until=champion.trained_until,
            unseen_ja4_share=float((~is_known).sum()) / len(is_known) if drift and len(is_known) else None,
            contamination=calibration.contamination,
        )
    )


def write_down(clickhouse: ClickHouseResource, champion: Champion, examination: "PromiseExamination") -> None:
    """Append to `model_evaluations` what the monitor says, if it is not what it said last."""
    metric = "worst_false_alarm_share"
    about = {**champion.parameters, "data_set": PROMISE, "metric": metric}
    words = " ".join(examination.faults)
    last = clickhouse.read(NOTE_ON_RECORD, about).row(0, named=True)
    if (last["note"], last["value"]) == (words, examination.worst_share):
        return
    row = {
        "evaluated_at": datetime.now(UTC),
        **about,
        "slice": "",
        "value": examination.worst_share,
        "low": None,
        "high": None,
        "identities": 0,
        "note": words,
    }
    schema = {"low": pl.Float64, "high": pl.Float64, "identities": pl.UInt64}
    clickhouse.insert("model_evaluations", pl.DataFrame([row], schema_overrides=schema))
