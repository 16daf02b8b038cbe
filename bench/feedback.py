"""How many alerts an analyst reads to find nine in ten bots, before and after labels re-rank the queue.

    python bench/feedback.py [--cache DIR] [--accept-stale] [--seeds 5]

A forest is trained on one recording of the lab among amplified people (bench/labelled). A simulated analyst
reads the queue of another recording from the top, an entity at a time, and labels what is read with the
truth, but for one in twenty labels, which is wrong. An identity is found when one of its entities was read.
Ways to order the queue:

- forest: by the champion's score, as it comes.
- labels from here: every 10 labels the trees are weighted anew and what is unread is ranked again.
- labels from before: weighted by 200 labels given on the training recording, and then left alone. The queue's
  recording is held out: no label of it is used.
- both: labels from before, and then those from here.
- by chance: the expected number of reads if the order were drawn.

Only entities with enough requests to be scored are in the queue; bots without any cannot be found and are
counted.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import polars as pl  # noqa: E402
from labelled.mixture import Kept, Mixture, kept  # noqa: E402

from ja4_assets.features.catalogue import FEATURE_NAMES  # noqa: E402
from ja4_assets.features.frame import KEY_COLUMNS  # noqa: E402
from ja4_assets.feedback.reweight import leaf_bits, learn  # noqa: E402
from ja4_assets.ml.forest import EntityForest, ForestSettings, train  # noqa: E402
from ja4_assets.ml.scaling import model_matrix  # noqa: E402

TRAINING = Mixture("lab-1", scale=1.2, seed=7)
QUEUES = {
    "one in ten": Mixture("lab-2", scale=0.6, seed=8),
    "one in a hundred": Mixture("lab-2", scale=7.6, seed=9),
}
"""Bots among identities, as in bench/detection.py."""
SOUGHT = {
    "all bots": pl.col("is_bot"),
    "bots that hide": pl.col("is_bot") & (pl.col("tier") != "honest_bot"),
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


class Analyst:
    """Reads a queue from the top, and labels."""

    def __init__(self, forest: EntityForest, hours: Hours, seed: int) -> None:
        self._forest, self._hours = forest, hours
        self._bits = leaf_bits(forest, hours.matrix)
        self._dice = np.random.default_rng(seed)
        self.labelled: list[int] = []
        self.said: list[bool] = []
        self.reads = 0

    def read(self, count: int, weights: np.ndarray, was_read: set[int]) -> list[int]:
        """The next entities of the queue under these weights: a row of each, its strangest hour."""
        scores = np.asarray(self._bits @ weights)
        chosen: list[int] = []
        for row in np.argsort(-scores, kind="stable"):
            entity = int(self._hours.entity[row])
            if entity not in was_read:
                was_read.add(entity)
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
        was_read: set[int] = set()
        weights = self.learnt(earlier)
        while True:
            rows = self.read(BATCH, weights, was_read)
            for position, row in enumerate(rows):
                if self._hours.is_bot[row]:
                    found.add(int(self._hours.identity[row]))
                if len(found) >= wanted:
                    return self.reads + position + 1
            self.reads += len(rows)
            if is_learning:
                self.label(rows)
                weights = self.learnt(earlier)

    def learnt(self, earlier: Labels | None) -> np.ndarray:
        """Weights of the leaves after earlier labels and the analyst's own."""
        own = self._hours.matrix.iloc[self.labelled]
        said = np.array(self.said, dtype=bool)
        if earlier is not None:
            own = pd.concat([earlier[0], own])
            said = np.concatenate([earlier[1], said])
        return learn(self._forest, own, said).weights


def earlier_labels(forest: EntityForest, hours: Hours, seed: int) -> Labels:
    """Labels of an analyst who read the top of the training recording's queue, re-ranked as they came."""
    analyst, was_read = Analyst(forest, hours, seed), set[int]()
    while len(analyst.labelled) < EARLIER_LABELS:
        weights = analyst.learnt(None)
        analyst.label(analyst.read(BATCH, weights, was_read))
    return hours.matrix.iloc[analyst.labelled], np.array(analyst.said, dtype=bool)


def main() -> None:
    """Print reads by way and seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("var/bench/detection"), metavar="DIR")
    parser.add_argument("--accept-stale", action="store_true", help="use what is kept though sources changed")
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()

    def ready(mixture: Mixture, sought: pl.Expr) -> Hours:
        return hours_of(kept(options.cache, mixture, accept_stale=options.accept_stale), sought)

    print(f"{datetime.now(UTC):%Y-%m-%d}, python bench/feedback.py")
    for kind, sought in SOUGHT.items():
        training = ready(TRAINING, sought)
        for name, mixture in QUEUES.items():
            print_queue(f"{kind}, {name}", training, ready(mixture, sought), options.seeds)


def print_queue(name: str, training: Hours, queue: Hours, seeds: int) -> None:
    """Reads of one queue, by way and seed."""
    entities, trained = len(np.unique(queue.entity)), len(training.entity)
    print(f"\nlab-2, {name}: {entities} entities, {queue.bots} identities sought; trained on {trained} hours")
    ways = ("forest", "labels from here", "labels from before", "both")
    print(f"{'seed':>6}" + "".join(f"{way:>20}" for way in ways) + f"{'seconds':>9}")
    table = []
    for seed in range(1, seeds + 1):
        started = time.monotonic()
        forest = train(training.matrix, ForestSettings(seed=seed))
        before = earlier_labels(forest, training, seed)
        reads = [
            Analyst(forest, queue, seed).until_found(earlier, is_learning)
            for earlier, is_learning in ((None, False), (None, True), (before, False), (before, True))
        ]
        table.append(reads)
        print(
            f"{seed:6}" + "".join(f"{number:20}" for number in reads) + f"{time.monotonic() - started:9.0f}",
            flush=True,
        )
    medians = np.median(np.array(table), axis=0)
    print(f"{'median':>6}" + "".join(f"{number:20.0f}" for number in medians))
    print(f"by chance about {FOUND * entities:.0f}")


if __name__ == "__main__":
    main()
