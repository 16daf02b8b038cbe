"""One training: split the window, fit several configurations, measure each, choose one.

The window's addresses are split once: most train, CALIBRATION_PERCENT of them are held out for the
false-alarm promise. All configurations see the same rows. The one with the highest average precision on the
labelled clients is chosen; without labels there is nothing to compare by, and the first, the published
defaults, is taken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from ja4_assets.evaluation.evaluate import AVERAGE_PRECISION, NothingToMeasureError, evaluate, figure
from ja4_assets.evaluation.slices import ALL
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.conformal import calibrate, calibrates, estimated_contamination
from ja4_assets.ml.drift import REFERENCE_ROWS, DriftReference
from ja4_assets.ml.fidelity import Fidelity, measure_fidelity
from ja4_assets.ml.forest import EntityForest, FloatArray, ForestSettings, train
from ja4_assets.ml.scaling import model_matrix

LATENCY_ROWS = 20_000
"""Rows that a latency is measured on; a smaller window is repeated until it has as many."""

EVALUATION_ROUNDS = 200
"""Rounds of the bootstrap behind each interval; a percentile of 2.5 % then rests on five of them."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """A window of entity hours, split."""

    entities: pl.DataFrame
    """All sampled entity hours of the window, `features.frame.ENTITY_HOUR_SCHEMA`."""
    classes: npt.NDArray[np.object_]
    """Traffic class of each row."""
    is_decided: npt.NDArray[np.bool_]
    """A rule or an analyst names it a bot."""
    is_held_out: npt.NDArray[np.bool_]
    """Its address calibrates and does not train."""
    truth: pl.DataFrame
    """Labelled clients, `evaluation.identities.TRUTH_SCHEMA`; may be empty."""
    known_ja4: frozenset[str]
    """Every stable JA4 of the window, those outside the sample too."""

    @property
    def training(self) -> pl.DataFrame:
        """Entity hours that train."""
        return self.entities.filter(~pl.Series(self.is_held_out))

    @property
    def labelled(self) -> pl.DataFrame:
        """Entity hours of clients whose truth is known."""
        address = pl.col("client_ip").str.strip_prefix("::ffff:")
        return self.entities.filter(address.is_in(self.truth["address"].implode()))


@dataclass(frozen=True, slots=True)
class Configuration:
    """A way to build the forest."""

    name: str
    settings: ForestSettings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fitted configuration with what was measured of it."""

    configuration: Configuration
    forest: EntityForest
    scores: FloatArray
    """Of the training rows."""
    average_precision: float | None
    """On the labelled clients; None without bots and people among them."""
    fidelity: Fidelity
    us_per_row: float


def split(
    entities: pl.DataFrame,
    classes: npt.NDArray[np.object_],
    is_decided: npt.NDArray[np.bool_],
    truth: pl.DataFrame,
    known_ja4: frozenset[str],
) -> TrainingData:
    """Hold addresses out for calibration, by a hash of the address."""
    addresses = entities["client_ip"].to_pandas().to_numpy(dtype=object)
    return TrainingData(entities, classes, is_decided, calibrates(addresses), truth, known_ja4)


def configurations(base: ForestSettings) -> list[Configuration]:
    """What is compared: the published defaults, more trees, larger samples, and one scale for all hosts and
    hours."""
    return [
        Configuration("published", base),
        Configuration("more_trees", replace(base, trees=2 * base.trees)),
        Configuration("larger_samples", replace(base, samples_per_tree=4 * base.samples_per_tree)),
        Configuration("pooled_scale", replace(base, min_cell_rows=2**31)),
    ]


def fit(data: TrainingData, configuration: Configuration) -> Candidate:
    """Train, calibrate and measure one configuration. Raises forest.TooFewEntityHoursError."""
    training = data.training
    matrix = model_matrix(training)
    forest = train(matrix, configuration.settings)
    scores = forest.anomaly_scores(matrix)
    held_out = data.is_held_out & ~data.is_decided
    calibration = calibrate(
        forest.anomaly_scores(model_matrix(data.entities.filter(pl.Series(held_out)))),
        data.classes[held_out],
        contamination=contamination(data),
    )
    chosen = np.random.default_rng(configuration.settings.seed).permutation(len(matrix))[:REFERENCE_ROWS]
    reference = DriftReference(
        features=FEATURE_NAMES,
        rows=matrix[list(FEATURE_NAMES)].to_numpy()[np.sort(chosen)],
        known_ja4=data.known_ja4,
    )
    complete = replace(forest, calibration=calibration, drift=reference)
    strange = matrix[scores > forest.reference.threshold]
    return Candidate(
        configuration=configuration,
        forest=complete,
        scores=scores,
        average_precision=maybe_average_precision(complete, data),
        fidelity=measure_fidelity(forest.pipeline, strange, configuration.settings.seed),
        us_per_row=latency_us(forest, matrix),
    )


def choose(candidates: list[Candidate]) -> Candidate:
    """The highest average precision, the earlier of equals; the first if nothing was measured."""
    return max(candidates, key=lambda candidate: candidate.average_precision or 0.0)


def contamination(data: TrainingData) -> float | None:
    """Estimated share of bots among the rows that nobody named; None without labelled bots to know the
    rules by."""
    address = data.entities["client_ip"].str.strip_prefix("::ffff:")
    bots = address.is_in(data.truth.filter("is_bot")["address"].implode()).to_numpy()
    if not bots.any():
        return None
    recall = float(data.is_decided[bots].mean())
    return estimated_contamination(int(data.is_decided.sum()), int((~data.is_decided).sum()), recall)


def maybe_figures(
    forest: EntityForest, data: TrainingData, rounds: int = EVALUATION_ROUNDS
) -> pl.DataFrame | None:
    """Figures of a forest on the labelled clients (`evaluation.evaluate`); None without bots and people."""
    labelled = data.labelled
    scored = labelled.select("hour", "client_ip").with_columns(
        pl.Series("score", forest.anomaly_scores(model_matrix(labelled)), dtype=pl.Float64)
    )
    seen = scored["client_ip"].str.strip_prefix("::ffff:").unique()
    # Clients that were not there to be judged say nothing about the judge.
    truth = data.truth.filter(pl.col("address").is_in(seen.implode()))
    try:
        return evaluate(scored, truth, rounds=rounds)
    except NothingToMeasureError:
        return None


def maybe_average_precision(forest: EntityForest, data: TrainingData) -> float | None:
    """Average precision over the labelled clients, all bots against all people."""
    figures = maybe_figures(forest, data, rounds=0)
    return None if figures is None else figure(figures, ALL, AVERAGE_PRECISION)


def latency_us(forest: EntityForest, matrix: pd.DataFrame) -> float:
    """Processor time to score one entity hour among LATENCY_ROWS, so that other load does not count."""
    repeats = -(-LATENCY_ROWS // len(matrix))
    rows = pd.concat([matrix] * repeats, ignore_index=True).head(LATENCY_ROWS)
    started = time.process_time()
    forest.anomaly_scores(rows)
    return (time.process_time() - started) / len(rows) * 1e6


def window_text(start: datetime, end: datetime) -> str:
    """A window as people read it."""
    return f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
