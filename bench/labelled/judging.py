"""Entity hours of a mixture as rules, forest and detectors judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import polars as pl

from ja4_assets.evaluation.ranking import FloatArray
from ja4_assets.features.frame import KEY_COLUMNS, read_sufficient_entity_hours
from ja4_assets.ml.forest import EntityForest
from ja4_assets.ml.scaling import model_matrix
from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.policy import judge
from ja4_assets.rules.render import render
from ja4_assets.rules.rule import Rule
from labelled.mixture import ALWAYS, Kept

EVERY_ROW = 2**62
GIVEN_BY_THE_LAB = frozenset({"R023"})
"""Rules on a trait that the lab's building decides: figures that they raise would not be another site's."""
MEASURED_RULES = tuple(rule for rule in RULES if rule.id not in GIVEN_BY_THE_LAB)

REQUESTS = """
select
    toDateTime64(entity.hour, 6, 'UTC') as hour,
    toString(entity.client_ip) as client_ip,
    toFloat64(entity.requests) as score
from fct_entity_hour as entity
"""
"""The baseline that needs nothing: how much somebody asks for."""


@dataclass(frozen=True, slots=True)
class Judgeable:
    """What a mixture's mart gives to everybody who judges."""

    truth: pl.DataFrame
    entities: pl.DataFrame
    """Entity hours with enough requests, as the model reads them."""
    ruled: pl.DataFrame
    """All entity hours with a column for each rule, as the verdict policy reads them."""
    requests: pl.DataFrame
    """Columns hour, client_ip, score: the requests of each entity hour."""

    @property
    def matrix(self) -> pd.DataFrame:
        """The model's input, a row for each of `entities`."""
        return model_matrix(self.entities)


def read(kept: Kept) -> Judgeable:
    """Load a replayed mixture into a database, and ask it what the platform asks."""
    query = render(RULES)
    with kept.database() as database:
        with database.client() as client:
            entities = read_sufficient_entity_hours(client, ALWAYS["start"], ALWAYS["end"], EVERY_ROW)
        ruled = database.read(query.text, {**query.parameters, **ALWAYS})
        requests = database.read(REQUESTS)
    return Judgeable(kept.truth, entities, ruled, requests)


def with_score(entities: pl.DataFrame, scores: FloatArray) -> pl.DataFrame:
    """Columns hour, client_ip, score of a detector's scores, one for each row of `entities`."""
    return entities.select("hour", "client_ip").with_columns(pl.Series("score", scores, dtype=pl.Float64))


def forest_scores(entities: pl.DataFrame, forest: EntityForest) -> pl.DataFrame:
    """What `bot_scores` would hold, as the verdict policy reads it."""
    scores = forest.anomaly_scores(model_matrix(entities))
    return entities.select(KEY_COLUMNS).with_columns(
        pl.Series("anomaly_score", scores, dtype=pl.Float64),
        pl.Series("score_quantile", forest.reference.ranks(scores), dtype=pl.Float64),
        pl.lit(forest.reference.threshold).alias("threshold"),
        pl.lit(0, dtype=pl.UInt8).alias("is_alert"),
        pl.lit("bench").alias("model_name"),
        pl.lit("0").alias("model_version"),
    )


def suspicion(one: Judgeable, scores: pl.DataFrame, rules: Sequence[Rule] = MEASURED_RULES) -> pl.DataFrame:
    """Columns hour, client_ip, score: the verdict policy's suspicion; without scores the rules' alone."""
    judged = judge(one.ruled, scores, rules)
    return judged.select("hour", "client_ip", pl.col("suspicion").alias("score"))
