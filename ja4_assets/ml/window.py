"""Reads of a window of entity hours, for training and for scoring: features, traffic classes, who is
decided."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from ja4_assets.features.frame import (
    IN_SAMPLE,
    KEY_COLUMNS,
    ArrowReader,
    arrow_to_frame,
    read_sufficient_entity_hours,
)
from ja4_assets.ml.labelled import ACTIVE_LABELS, known_truth, labelled_bots, truth_of_labels
from ja4_assets.ml.traffic_classes import CLASS_PARAMETERS, CLASSES_OF_ENTITY_HOURS
from ja4_assets.ml.training import TrainingData, split
from ja4_assets.rules.render import render
from ja4_assets.rules.rule import Rule

MAX_KNOWN_JA4 = 200_000
"""Stable JA4 remembered of a window; a site sees some thousands, 200,000 take 8 MB of the model."""

KNOWN_JA4 = """
select distinct toString(entity.ja4_stable) as ja4_stable
from fct_entity_hour as entity
where entity.hour >= {start:DateTime64(6, 'UTC')} and entity.hour < {end:DateTime64(6, 'UTC')}
order by ja4_stable
limit {limit:UInt64}
"""

PLACE_OF_QUERY, PLACE_OF_CONDITION = "__ENTITY_HOURS__", "__FIRED__"
NAMED_BY_RULES = """
select hour, client_ip, ja4_stable, host
from (__ENTITY_HOURS__)
where __FIRED__
"""


def read_classes(
    client: ArrowReader, entities: pl.DataFrame, start: datetime, end: datetime, max_rows: int
) -> npt.NDArray[np.object_]:
    """Traffic class of each of the entity hours, which were read with the same limits."""
    parameters = {"start": start, "end": end, "max_rows": max_rows, **CLASS_PARAMETERS}
    found = arrow_to_frame(client.query_arrow(CLASSES_OF_ENTITY_HOURS, parameters=parameters))
    classes = entities.select(KEY_COLUMNS).join(found, on=KEY_COLUMNS, how="left", maintain_order="left")
    # An entity hour that came between the two reads has none: no p-value this time, one at the next.
    return classes["traffic_class"].fill_null("").to_numpy().astype(object)


def read_labels(client: ArrowReader) -> pl.DataFrame:
    """Active labels, `labelled.LABELS_SCHEMA`."""
    return arrow_to_frame(client.query_arrow(ACTIVE_LABELS, parameters={}))


def read_named_by_rules(
    client: ArrowReader, rules: Sequence[Rule], start: datetime, end: datetime, max_rows: int
) -> pl.DataFrame:
    """Keys of the entity hours of the sample that a rule decides, whatever it says of them.

    A supporting rule alone decides nothing (`rules.policy`).
    """
    rendered = render(rules, IN_SAMPLE)
    query = NAMED_BY_RULES.replace(PLACE_OF_QUERY, rendered.text).replace(
        PLACE_OF_CONDITION, " or ".join(rule.id for rule in rules if not rule.is_supporting)
    )
    parameters = {"start": start, "end": end, "max_rows": max_rows, **rendered.parameters}
    return arrow_to_frame(client.query_arrow(query, parameters=parameters))


def read_training_data(
    client: ArrowReader,
    rules: Sequence[Rule],
    start: datetime,
    end: datetime,
    max_rows: int,
    truth_of_recordings: pl.DataFrame,
) -> TrainingData:
    """A window with all that a training needs. `truth_of_recordings`:
    `evaluation.identities.TRUTH_SCHEMA`."""
    entities = read_sufficient_entity_hours(client, start, end, max_rows)
    labels = read_labels(client)
    named = read_named_by_rules(client, rules, start, end, max_rows).with_columns(
        pl.lit(True).alias("is_named")
    )
    marked = entities.select(KEY_COLUMNS).join(named, on=KEY_COLUMNS, how="left", maintain_order="left")
    known = client.query_arrow(KNOWN_JA4, parameters={"start": start, "end": end, "limit": MAX_KNOWN_JA4})
    return split(
        entities,
        read_classes(client, entities, start, end, max_rows),
        marked["is_named"].fill_null(False).to_numpy().astype(np.bool_) | labelled_bots(entities, labels),
        known_truth(truth_of_recordings, truth_of_labels(labels)),
        frozenset(arrow_to_frame(known)["ja4_stable"]),
    )
