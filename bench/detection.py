"""How well bots are found, on recordings of the lab with known truth.

    python bench/detection.py [--cache DIR] [--accept-stale] [--mixtures tenth,hundredth]
        [--parts table,tiers,time,leaks,families]

Replays the recordings through the real pipeline into an embedded database (once: the databases are kept in
DIR, by default var/bench/detection; about ten minutes), trains a forest on lab-1 and measures on lab-2, which
was recorded later and which nothing was trained or tuned on. docs/explanation/how-detection-is-measured.md
says what the figures mean. The detectors of PyOD and isotree need the extra `bench`; without it their lines
are missing, which is said.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from labelled import baselines
from labelled.judging import Judgeable, forest_scores, read, suspicion, with_score
from labelled.leaks import leaks
from labelled.mixture import Mixture, kept

from ja4_assets.evaluation.evaluate import (
    AVERAGE_PRECISION,
    FALSE_ALARMS,
    FALSE_ALERTS_PER_DAY,
    FIRST_HOUR_RECALL,
    RECALL,
    at,
    evaluate,
)
from ja4_assets.evaluation.slices import ALL, BOT_TIERS, PEOPLE_TIERS, WITHOUT_HONEST, tier_slice
from ja4_assets.evaluation.splits import families_left_out, split_by_time
from ja4_assets.ml.forest import EntityForest, ForestSettings, train
from ja4_assets.ml.scaling import model_matrix

TRAINING = Mixture("lab-1", scale=1.2, seed=7)
TENTH = Mixture("lab-2", scale=0.6, seed=8)
"""At least one bot in ten identities."""
HUNDREDTH = Mixture("lab-2", scale=7.6, seed=9)
"""At most one bot in a hundred identities."""
HELD_OUT = {"tenth": TENTH, "hundredth": HUNDREDTH}
SUSPICION, FOREST, RULES_ALONE, RATE = "suspicion", "forest alone", "rules alone", "request rate alone"
PARTS = ("table", "tiers", "time", "leaks", "families")
Scores = dict[str, pl.DataFrame]


def all_scores(
    one: Judgeable, training: Judgeable, forest: EntityForest
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Method by method: columns hour, client_ip, score of one mixture's entity hours."""
    scores = forest_scores(one.entities, forest)
    yield SUSPICION, suspicion(one, scores)
    yield FOREST, scores.select("hour", "client_ip", pl.col("anomaly_score").alias("score"))
    yield RULES_ALONE, suspicion(one, scores.clear())
    yield RATE, one.requests
    if importlib.util.find_spec("pyod") is None or importlib.util.find_spec("isotree") is None:
        print("PyOD and isotree are not installed (extra `bench`): their lines are missing", file=sys.stderr)
        return
    known, asked = baselines.prepared(forest, training.matrix), baselines.prepared(forest, one.matrix)
    for name, detector in baselines.DETECTORS.items():
        yield name, with_score(one.entities, detector(known, asked))


def print_table(name: str, scores: Scores, truth: pl.DataFrame) -> None:
    """Method by method: average precision and recall, for everybody and without the bots that say so."""
    counts = truth.unique("identity")["is_bot"].value_counts().sort("is_bot")["count"].to_list()
    print(f"\n{name}: {counts[1]} bots, {counts[0]} people ({counts[1] / sum(counts):.1%} bots)")
    heads = ["AP", "R@1%", "R@0.1%", "R@0"]
    print(f"{'':26}" + "".join(f"{head:>22}" for head in heads) + "   (all, then without honest bots)")
    for method, scored in scores.items():
        figures = evaluate(scored, truth)
        for label, part in ((method, ALL), ("", WITHOUT_HONEST)):
            metrics = (AVERAGE_PRECISION, at(RECALL, 0.01), at(RECALL, 0.001), at(RECALL, None))
            print(f"{label:26}" + "".join(f"{_cell(figures, part, metric):>22}" for metric in metrics))


def print_tiers(name: str, scored: pl.DataFrame, truth: pl.DataFrame) -> None:
    """The platform's suspicion: recall of each tier of bots, false alarms of each kind of people."""
    figures = evaluate(scored, truth)
    print(f"\n{name}: suspicion, tier by tier")
    heads = ["R@1%", "R@0.1%", "R@0", "first hour, 0.1%", "first hour, 0"]
    print(f"{'':27}" + "".join(f"{head:>22}" for head in heads))
    for tier in BOT_TIERS:
        cells = [
            _cell(figures, tier_slice(tier), metric)
            for metric in (at(RECALL, 0.01), at(RECALL, 0.001), at(RECALL, None))
        ]
        cells += [_cell(figures, tier_slice(tier), at(FIRST_HOUR_RECALL, rate)) for rate in (0.001, None)]
        number = figures.filter(pl.col("slice") == tier_slice(tier))["identities"][0]
        print(f"{tier:22}{number:5}" + "".join(f"{cell:>22}" for cell in cells))
    for tier in PEOPLE_TIERS:
        cells = [_cell(figures, tier_slice(tier), at(FALSE_ALARMS, rate)) for rate in (0.01, 0.001)]
        number = figures.filter(pl.col("slice") == tier_slice(tier))["identities"][0]
        print(f"{tier:22}{number:5}" + "".join(f"{cell:>22}" for cell in cells) + "  flagged")
    for rate in (0.01, 0.001):
        print(f"false alerts a day at {rate:.1%}: {_cell(figures, ALL, at(FALSE_ALERTS_PER_DAY, rate))}")


def print_time(one: Judgeable, settings: ForestSettings) -> None:
    """Figures of the second half of a recording's hours by a forest that saw the first half only."""
    hours = one.entities["hour"].unique().sort()
    moment = hours[len(hours) // 2]
    earlier, later = split_by_time(one.entities, moment)
    _, requests = split_by_time(one.requests, moment)
    # Who came in the earlier hours only is not asked about.
    seen = requests["client_ip"].str.strip_prefix("::ffff:").unique()
    truth = one.truth.filter(pl.col("address").is_in(seen.implode()))
    scores = forest_scores(later, train(model_matrix(earlier), settings))
    _, ruled = split_by_time(one.ruled, moment)
    half = Judgeable(truth, later, ruled, requests)
    found = {
        SUSPICION: suspicion(half, scores),
        FOREST: scores.select("hour", "client_ip", pl.col("anomaly_score").alias("score")),
        RULES_ALONE: suspicion(half, scores.clear()),
        RATE: requests,
    }
    print_table(f"lab-1, hours from {moment:%H:%M}, trained on those before", found, truth)


def print_leaks(one: Judgeable, traits: pl.DataFrame) -> None:
    """What the lab gives away."""
    print("\nlab-1, models that see only what the lab's building decides (area under the ROC curve):")
    for leak in leaks(traits, one.truth):
        said = "at chance" if leak.is_at_chance else "NOT at chance: no feature may rest on it"
        print(f"{leak.group:18}{leak.area:6.2f} [{leak.low:.2f}, {leak.high:.2f}]  {said}")


def print_families(one: Judgeable, settings: ForestSettings) -> None:
    """Recall of each bot family by a forest that was trained without it; thresholds from all people."""
    print("\nlab-1, each family left out of training, recall before the first false alarm:")
    addresses = one.entities["client_ip"].str.strip_prefix("::ffff:")
    people = one.truth.filter(~pl.col("is_bot"))
    for family, known, left_out in families_left_out(one.truth):
        rows = one.entities.filter(addresses.is_in(known))
        scores = forest_scores(one.entities, train(model_matrix(rows), settings))
        part = pl.concat([people, one.truth.filter(pl.col("address").is_in(left_out))])
        both = evaluate(suspicion(one, scores), part, rounds=0)
        forest = scores.select("hour", "client_ip", pl.col("anomaly_score").alias("score"))
        alone = evaluate(forest, part, rounds=0)
        recalls = [_value(figures, ALL, at(RECALL, 0.001)) for figures in (both, alone)]
        tier = part.filter("is_bot")["tier"][0]
        print(f"{tier:22}{family:30}{recalls[0]:7.0%} by suspicion, {recalls[1]:5.0%} by the forest alone")


def _value(figures: pl.DataFrame, part: str, metric: str) -> float:
    row = figures.filter((pl.col("slice") == part) & (pl.col("metric") == metric))
    return float("nan") if row.is_empty() else float(row["value"].item())


def _cell(figures: pl.DataFrame, part: str, metric: str) -> str:
    row = figures.filter((pl.col("slice") == part) & (pl.col("metric") == metric)).to_dicts()
    if not row:
        return "too few people"
    one = row[0]
    interval = "" if one["low"] is None else f" [{one['low']:.2f}, {one['high']:.2f}]"
    return f"{one['value']:.3f}{interval}"


def main() -> int:
    """Replay what is not kept yet, train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--cache", type=Path, default=Path("var/bench/detection"), metavar="DIR")
    parser.add_argument("--accept-stale", action="store_true", help="use what is kept though sources changed")
    parser.add_argument("--mixtures", default=",".join(HELD_OUT), help="held-out mixtures (default both)")
    parser.add_argument("--parts", default=",".join(PARTS), help="what to print (default all)")
    options = parser.parse_args()
    parts = set(options.parts.split(","))
    settings = ForestSettings()

    def ready(mixture: Mixture) -> Judgeable:
        return read(kept(options.cache, mixture, accept_stale=options.accept_stale))

    print(f"{datetime.now(UTC):%Y-%m-%d}, python bench/detection.py; intervals 95 %, over identities")
    training = ready(TRAINING)
    if parts & {"table", "tiers"}:
        forest = train(training.matrix, settings)
        for name in options.mixtures.split(","):
            one = ready(HELD_OUT[name])
            scores = dict(all_scores(one, training, forest))
            if "table" in parts:
                print_table(f"lab-2, {name}", scores, one.truth)
            if "tiers" in parts:
                print_tiers(f"lab-2, {name}", scores[SUSPICION], one.truth)
    if "time" in parts:
        print_time(training, settings)
    if "leaks" in parts:
        print_leaks(training, kept(options.cache, TRAINING, accept_stale=True).traits)
    if "families" in parts:
        print_families(training, settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
