"""How many alerts an analyst reads to find nine in ten bots, before and after labels re-rank the queue.

    python bench/feedback.py [--cache DIR] [--accept-stale] [--seeds 5] [--sought all,hide]

A forest is trained on one recording of the lab among amplified people (bench/labelled). A simulated analyst
reads the queue of another recording from the top, an entity at a time, and labels what is read with the
truth, but for one in twenty labels, which is wrong. An identity is found when one of its entities was read.
Ways to order the queue:

- as scored: by the forest, no label used.
- labels from here: every 10 labels what is unread is ranked again.
- labels from before: by 200 labels given on the training recording, and then left alone. The queue's
  recording is held out: no label of it is used.
- both: labels from before, and then those from here.
- by chance: the expected number of reads if the order were drawn.

Each by two rankers on the same inputs: the platform's (`feedback.review_order`, the champion's trees) and
coniferest's AADForest (active anomaly discovery on trees of its own, as many of the same size; its extra is
`bench`, without it its lines are missing).

Only entities with enough requests to be scored are in the queue; bots without any cannot be found and are
counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402
from labelled.mixture import Kept, Mixture, kept  # noqa: E402

from ja4_assets.features.catalogue import FEATURE_NAMES  # noqa: E402
from ja4_assets.features.frame import KEY_COLUMNS  # noqa: E402
from ja4_assets.feedback.review_order import learn, leaves, standing  # noqa: E402
from ja4_assets.ml.forest import EntityForest, ForestSettings, train  # noqa: E402
from ja4_assets.ml.scaling import model_matrix  # noqa: E402

TRAINING = Mixture("lab-1", scale=1.2, seed=7)
QUEUES = {
    "one in ten": Mixture("lab-2", scale=0.6, seed=8),
    "one in a hundred": Mixture("lab-2", scale=7.6, seed=9),
}
"""Bots among identities, as in bench/detection.py."""
SOUGHT = {
    "all": pl.col("is_bot"),
    "hide": pl.col("is_bot") & (pl.col("tier") != "honest_bot"),
}
"""Whom the analyst looks for. Honest crawlers and tools are labelled as no bots in the second case, as are
feed readers and monitors in both."""
FOUND = 0.9
BATCH = 10
EARLIER_LABELS = 200
WRONG = 0.05

Labels = tuple[pd.DataFrame, np.ndarray]
"""Features of what was labelled, and whether it was said to be a bot."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Entity hours with their truth, in a fixed order; arrays have a value for each."""

    matrix: pd.DataFrame
    entity: np.ndarray
    """Number of the entity."""
    identity: np.ndarray
    """Number of the identity."""
    is_bot: np.ndarray

    @property
    def bots(self) -> int:
        """Bot identities with an hour that could be scored."""
        return len(np.unique(self.identity[self.is_bot]))


def hours_of(one: Kept, sought: pl.Expr) -> Hours:
    """Entity hours that the model scores, of addresses whose truth is known; `sought` says which are bots."""
    rows = (
        one.entity_hours.filter("is_sufficient")
        .with_columns(pl.col("client_ip").str.strip_prefix("::ffff:").alias("address"))
        .join(one.truth.select("address", "identity", sought.alias("truly")), on="address")
        .sort(KEY_COLUMNS)
    )
    entities = rows.select(pl.struct(KEY_COLUMNS[1:]).rank("dense")).to_series().to_numpy()
    return Hours(
        model_matrix(rows.with_columns(pl.col(FEATURE_NAMES).cast(pl.Float64))),
        entities.astype(np.int64),
        rows["identity"].rank("dense").to_numpy().astype(np.int64),
        rows["truly"].to_numpy(),
    )


class Ranker(Protocol):
    """Orders the rows of one queue."""

    def scores(self, labelled: pd.DataFrame, is_bot: np.ndarray) -> np.ndarray:
        """After these labels, one for each row of the queue: the highest is read first."""
        ...


class Platform:
    """What `review_ranks` does."""

    def __init__(self, forest: EntityForest, queue: Hours) -> None:
        self._forest = forest
        self._standing, self._leaves = standing(forest, queue.matrix), leaves(forest, queue.matrix)

    def scores(self, labelled: pd.DataFrame, is_bot: np.ndarray) -> np.ndarray:
        """As the protocol says."""
        return np.asarray(self._standing + self._leaves @ learn(self._forest, labelled, is_bot).moves)


class Coniferest:
    """AADForest with its defaults, but for the pull to the prior: 0, its default, has no single solution."""

    def __init__(self, forest: EntityForest, training: Hours, queue: Hours, seed: int) -> None:
        from coniferest.aadforest import AADForest

        self._forest = forest
        self._trained, self._queue = self._inputs(training.matrix), self._inputs(queue.matrix)
        size = {"n_trees": ForestSettings().trees, "n_subsamples": ForestSettings().samples_per_tree}
        self._aad = AADForest(**size, prior_influence=1.0, random_seed=seed, n_jobs=1).fit(self._trained)
        self._unlabelled = self._aad.evaluator.weights.copy()

    def scores(self, labelled: pd.DataFrame, is_bot: np.ndarray) -> np.ndarray:
        """As the protocol says."""
        self._aad.evaluator.weights = self._unlabelled.copy()
        if len(labelled):
            self._aad.fit_known(self._trained, self._inputs(labelled), np.where(is_bot, -1, 1))
        return -np.asarray(self._aad.score_samples(self._queue))

    def _inputs(self, matrix: pd.DataFrame) -> np.ndarray:
        return np.ascontiguousarray(self._forest.pipeline[:-1].transform(matrix))


class Analyst:
    """Reads a queue from the top, and labels."""

    def __init__(self, ranker: Ranker, hours: Hours, seed: int) -> None:
        self._ranker, self._hours = ranker, hours
        self._dice = np.random.default_rng(seed)
        self._was_read: set[int] = set()
        self.labelled: list[int] = []
        self.said: list[bool] = []

    def read(self, count: int, scores: np.ndarray) -> list[int]:
        """The next entities of the queue in this order: a row of each, its strangest hour."""
        chosen: list[int] = []
        for row in np.argsort(-scores, kind="stable"):
            entity = int(self._hours.entity[row])
            if entity not in self._was_read:
                self._was_read.add(entity)
                chosen.append(int(row))
                if len(chosen) == count:
                    break
        return chosen

    def label(self, rows: list[int]) -> None:
        """Say what they are; sometimes wrongly."""
        for row in rows:
            self.labelled.append(row)
            self.said.append(bool(self._hours.is_bot[row]) != (self._dice.random() < WRONG))

    def until_found(self, earlier: Labels | None, is_learning: bool) -> int:
        """Reads until FOUND of the bots are found."""
        wanted = int(np.ceil(FOUND * self._hours.bots))
        found: set[int] = set()
        reads, scores = 0, self.scores(earlier)
        while True:
            for row in self.read(BATCH, scores):
                reads += 1
                if self._hours.is_bot[row]:
                    found.add(int(self._hours.identity[row]))
                if len(found) >= wanted:
                    return reads
                if is_learning:
                    self.label([row])
            if is_learning:
                scores = self.scores(earlier)

    def scores(self, earlier: Labels | None) -> np.ndarray:
        """The queue's scores after earlier labels and the analyst's own."""
        own = self._hours.matrix.iloc[self.labelled]
        said = np.array(self.said, dtype=bool)
        if earlier is not None:
            own = pd.concat([earlier[0], own])
            said = np.concatenate([earlier[1], said])
        return self._ranker.scores(own, said)


def earlier_labels(forest: EntityForest, hours: Hours, seed: int) -> Labels:
    """Labels of an analyst who read the top of the training recording's queue, as the forest scored it."""
    analyst = Analyst(Platform(forest, hours), hours, seed)
    analyst.label(analyst.read(EARLIER_LABELS, analyst.scores(None)))
    return hours.matrix.iloc[analyst.labelled], np.array(analyst.said, dtype=bool)


def main() -> None:
    """Print reads by ranker, way and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("var/bench/detection"), metavar="DIR")
    parser.add_argument("--accept-stale", action="store_true", help="use what is kept though sources changed")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--sought", default=",".join(SOUGHT), help="whom the analyst looks for (default both)"
    )
    options = parser.parse_args()

    def ready(mixture: Mixture, sought: pl.Expr) -> Hours:
        return hours_of(kept(options.cache, mixture, accept_stale=options.accept_stale), sought)

    print(f"{datetime.now(UTC):%Y-%m-%d}, python bench/feedback.py")
    for kind in options.sought.split(","):
        training = ready(TRAINING, SOUGHT[kind])
        for name, mixture in QUEUES.items():
            print_queue(f"{kind}, {name}", training, ready(mixture, SOUGHT[kind]), options.seeds)


def print_queue(name: str, training: Hours, queue: Hours, seeds: int) -> None:
    """Reads of one queue, by ranker, way and seed."""
    entities, trained = len(np.unique(queue.entity)), len(training.entity)
    wanted = int(np.ceil(FOUND * queue.bots))
    print(
        f"\nlab-2, {name}: {entities} entities, {wanted} of {queue.bots} identities sought; {trained} hours"
    )
    ways = ("as scored", "labels from here", "labels from before", "both")
    print(f"{'':12}{'seed':>6}" + "".join(f"{way:>20}" for way in ways) + f"{'seconds':>9}")
    rankers = ("platform", "coniferest") if importlib.util.find_spec("coniferest") else ("platform",)
    table: dict[str, list[list[int]]] = {ranker: [] for ranker in rankers}
    for seed in range(1, seeds + 1):
        forest = train(training.matrix, ForestSettings(seed=seed))
        before = earlier_labels(forest, training, seed)
        for kind in rankers:
            started = time.monotonic()
            ranker: Ranker = (
                Platform(forest, queue) if kind == "platform" else Coniferest(forest, training, queue, seed)
            )
            reads = [
                Analyst(ranker, queue, seed).until_found(earlier, is_learning)
                for earlier, is_learning in ((None, False), (None, True), (before, False), (before, True))
            ]
            table[kind].append(reads)
            print(
                f"{kind:12}{seed:6}"
                + "".join(f"{number:20}" for number in reads)
                + f"{time.monotonic() - started:9.0f}",
                flush=True,
            )
    for kind, rows in table.items():
        medians = np.median(np.array(rows), axis=0)
        print(f"{kind:12}{'median':>6}" + "".join(f"{number:20.0f}" for number in medians))
    print(f"by chance about {FOUND * entities:.0f}")


if __name__ == "__main__":
    main()
