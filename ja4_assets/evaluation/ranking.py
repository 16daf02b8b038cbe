"""Detection measures of one ranking, under many weightings of its identities at once.

A score may only be cut between different values: identities with the same score are flagged together, or
none of them is. Both measures follow scikit-learn's definitions (`average_precision_score`, `roc_curve`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NEVER = -np.inf
"""Score of an identity about which nothing was said: it ranks last, and no threshold reaches it."""
EXACT = 1e-12
"""Shares are quotients of whole numbers; this much of an error in the last digit changes none of them."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """Identities by descending score, with the places where a threshold can be put."""

    order: IntArray
    """Positions of the identities, strangest first."""
    cuts: IntArray
    """Places in `order` of the last identity of each distinct score."""
    scores: FloatArray
    """The score at each cut, descending."""
    is_bot: BoolArray
    """By position, not by rank."""

    @classmethod
    def of(cls, scores: FloatArray, is_bot: BoolArray) -> Ranking:
        """Rank identities; `scores` must not hold NaN, `NEVER` stands for no score."""
        if np.isnan(scores).any():
            raise ValueError("a score is NaN; an identity without a score has NEVER")
        order = np.argsort(-scores, kind="stable")
        descending = scores[order]
        cuts = np.flatnonzero(np.append(descending[1:] != descending[:-1], True))
        return cls(order, cuts, descending[cuts], is_bot)

    def flagged(self, weights: FloatArray) -> FloatArray:
        """Sum of the weights at or above each cut; `weights` (…, identities), result (…, cuts)."""
        return np.asarray(np.cumsum(weights[..., self.order], axis=-1)[..., self.cuts], dtype=np.float64)

    def average_precision(self, weights: FloatArray) -> FloatArray:
        """Mean precision over the recall, bots being the positives; NaN without a bot."""
        bots = self.flagged(weights * self.is_bot)
        everybody = self.flagged(weights)
        precision = np.divide(bots, everybody, out=np.zeros_like(bots), where=everybody > 0)
        gained = np.diff(bots, axis=-1, prepend=0.0)
        return _quotient((gained * precision).sum(axis=-1), bots[..., -1])

    def cut_at(self, rate: float, weights: FloatArray) -> IntArray:
        """Index of the lowest cut that flags at most this share of the people; -1 where none does."""
        people = self.flagged(weights * ~self.is_bot)
        allowed = people[..., -1:] * rate + EXACT
        is_reachable = (people <= allowed) & (self.scores > NEVER)
        return np.asarray(is_reachable.sum(axis=-1) - 1, dtype=np.int64)

    def share_flagged(self, cut: IntArray, weights: FloatArray) -> FloatArray:
        """Share of the weights that each weighting's cut flags; NaN where there is no weight."""
        flagged = self.flagged(weights)
        at_cut = np.take_along_axis(flagged, np.maximum(cut, 0)[..., None], axis=-1)[..., 0]
        return _quotient(np.where(cut < 0, 0.0, at_cut), flagged[..., -1])

    def threshold(self, cut: int) -> float:
        """The score from which on a cut flags; infinite for -1."""
        return float(self.scores[cut]) if cut >= 0 else float("inf")


def _quotient(part: FloatArray, whole: FloatArray) -> FloatArray:
    part, whole = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
