"""Decisions of rules and model on the entity hours of one hour, written where they are new.

Two assets decide: `verdicts` each entity hour of its window, and `promised_alerts` again those whose place
among the day's alerts has changed. Both come here, so that one policy decides and one query writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from ja4_assets.defs.partitions import HourWindow
from ja4_assets.detection_settings import settings_in_force
from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.ml.names import MODEL_NAME
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.policy import changed_only, judge
from ja4_assets.rules.record import LATEST_OUTCOMES, LATEST_SCORES, verdict_rows
from ja4_assets.rules.render import render

SHARE = "false_alarm_share"

NEWEST_SETTINGS = """
select toString(name) as name, argMax(value, set_at) as value
from detection_settings
group by name
"""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of one hour."""

    judged: pl.DataFrame
    """Rows of `policy.judge`."""
    written: int
    """Decisions that differ from the ones on record."""


def share_in_force(clickhouse: ClickHouseResource) -> float:
    """The promise: of the model's alerts of a day at most this share may be wrong."""
    return settings_in_force(clickhouse.read(NEWEST_SETTINGS).iter_rows())[SHARE]


def decide_hour(
    clickhouse: ClickHouseResource,
    hour: HourWindow,
    share: float,
    dagster_run_id: str,
    only: pl.DataFrame | None = None,
) -> Decided:
    """Judge an hour's entities, those of `only` (KEY_COLUMNS) if it is given, and append what is new."""
    query = render(RULES)
    entities = clickhouse.read(query.text, {**query.parameters, **hour.parameters})
    scores = clickhouse.read(LATEST_SCORES, {**hour.parameters, "model_name": MODEL_NAME})
    on_record = clickhouse.read(LATEST_OUTCOMES, hour.parameters)
    if only is not None:
        entities = entities.join(only, on=KEY_COLUMNS, how="semi")
    judged = judge(entities, scores, RULES)
    decisions = changed_only(judged, on_record)
    rows = verdict_rows(decisions, share, datetime.now(UTC), dagster_run_id)
    return Decided(judged, clickhouse.insert("verdicts", rows))
