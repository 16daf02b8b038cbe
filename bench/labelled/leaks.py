"""What the lab gives away by how it is built: models that see nothing else, cross-validated by identity.

A group of traits is at chance where the interval of its area under the ROC curve holds one half. One that is
not must stay out of the features, whatever it would do for the figures.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from ja4_assets.evaluation.identities import MAPPED
from ja4_assets.evaluation.ranking import BoolArray, FloatArray
from ja4_assets.evaluation.splits import identity_folds

FOLDS = 5
ROUNDS = 400
SEED = 20_261_122

GROUPS: dict[str, tuple[str, ...]] = {
    "address block": ("octet_1", "octet_2", "asn"),
    "source ports": ("port_low", "port_high", "port_mean", "port_parity"),
    "time of day": ("first_hour", "first_minute", "last_hour"),
    "path markers": ("named_paths",),
    "TCP": ("ttl", "mss", "window", "option_count"),
}
"""Traits of an identity, from `mixture.TRAITS_OF_REQUESTS`."""


@dataclass(frozen=True, slots=True)
class Leak:
    """How well one group of traits tells bots from people."""

    group: str
    area: float
    low: float
    high: float
    identities: int

    @property
    def is_at_chance(self) -> bool:
        """Guessing is not excluded."""
        return self.low <= 0.5 <= self.high


def leaks(traits: pl.DataFrame, truth: pl.DataFrame) -> list[Leak]:
    """One for each of `GROUPS`, over the observed identities of a recording."""
    observed = truth.filter(~pl.col("amplified"))
    people = identity_traits(traits, observed)
    return [separation(group, people, people.select(names)) for group, names in GROUPS.items()]


def identity_traits(traits: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """One row for each identity: identity, tier, is_bot, and the traits of all groups."""
    joined = (
        traits.with_columns(pl.col("client_ip").str.strip_prefix(MAPPED).alias("address"))
        .join(truth.select("address", "identity", "family", "tier", "is_bot"), on="address")
        .with_columns(
            pl.col("address").str.split(".").alias("octets"),
            pl.col("tcp_signature").str.split(":").alias("signature"),
        )
    )
    return (
        joined.group_by("identity", "tier", "is_bot")
        .agg(
            pl.col("octets")
            .first()
            .list.get(0, null_on_oob=True)
            .cast(pl.Float64, strict=False)
            .alias("octet_1"),
            pl.col("octets")
            .first()
            .list.get(1, null_on_oob=True)
            .cast(pl.Float64, strict=False)
            .alias("octet_2"),
            pl.col("asn").first().cast(pl.Float64),
            pl.col("src_port").min().alias("port_low"),
            pl.col("src_port").max().alias("port_high"),
            pl.col("src_port").mean().alias("port_mean"),
            (pl.col("src_port") % 2).mean().alias("port_parity"),
            pl.col("ts").min().dt.hour().alias("first_hour"),
            pl.col("ts").min().dt.minute().alias("first_minute"),
            pl.col("ts").max().dt.hour().alias("last_hour"),
            _names_its_client().mean().alias("named_paths"),
            pl.col("tcp_ttl").max().alias("ttl"),
            pl.col("tcp_mss").max().alias("mss"),
            pl.col("tcp_signature").str.len_bytes().max().alias("option_count"),
            pl.col("tcp_signature").hash(SEED).first().mod(1024).alias("window"),
        )
        .sort("identity")
    )


def _names_its_client() -> pl.Expr:
    """The path holds the identity's or the family's name, as a careless recorder would leave it there."""
    path = pl.col("path").str.to_lowercase()
    family = pl.col("family").str.to_lowercase()
    return path.str.contains(pl.col("identity").str.to_lowercase(), literal=True) | path.str.contains(
        family, literal=True
    )


def _octet(place: int) -> pl.Expr:
    octet = pl.col("octets").first().list.get(place, null_on_oob=True)
    return octet.cast(pl.Float64, strict=False)


def separation(name: str, people: pl.DataFrame, inputs: pl.DataFrame) -> Leak:
    """Area under the ROC curve of out-of-fold scores, with a bootstrap interval over identities."""
    folds = identity_folds(people, FOLDS)
    fold = np.array([folds[one] for one in people["identity"]])
    is_bot = people["is_bot"].to_numpy().astype(np.bool_)
    # A column that is the same everywhere tells nobody from nobody, and the classifier refuses it.
    telling = [name for name in inputs.columns if inputs[name].drop_nulls().n_unique() > 1]
    matrix = inputs.select(telling).cast(pl.Float64).fill_null(-1.0).to_numpy()
    scores = np.zeros(len(is_bot))
    for number in range(FOLDS if telling else 0):
        model = HistGradientBoostingClassifier(max_iter=60, min_samples_leaf=8, random_state=SEED)
        model.fit(matrix[fold != number], is_bot[fold != number])
        scores[fold == number] = model.predict_proba(matrix[fold == number])[:, 1]
    low, high = _interval(scores, is_bot)
    return Leak(name, float(roc_auc_score(is_bot, scores)), low, high, len(is_bot))


def _interval(scores: FloatArray, is_bot: BoolArray) -> tuple[float, float]:
    rng = np.random.default_rng(SEED)
    bots, people = np.flatnonzero(is_bot), np.flatnonzero(~is_bot)
    areas = []
    for _ in range(ROUNDS):
        drawn = np.concatenate([rng.choice(bots, len(bots)), rng.choice(people, len(people))])
        areas.append(roc_auc_score(is_bot[drawn], scores[drawn]))
    low, high = np.quantile(areas, (0.025, 0.975))
    return float(low), float(high)
