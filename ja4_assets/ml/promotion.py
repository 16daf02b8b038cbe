"""When a challenger takes over from the champion: checks, each with its words.

Blocking: the scores vary; on the labelled clients the challenger is as good as the champion; in no group of
people does it raise more false alarms; it is fast enough. Reported only: whether both rank alike, and
whether explanations name what makes the score. The first model has no champion to be held against. Without
labelled clients nobody knows which of two models is better; then a challenger takes over only if it would
hardly change the analyst's day.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import polars as pl

from ja4_assets.evaluation.evaluate import AVERAGE_PRECISION, FALSE_ALARMS, figure
from ja4_assets.evaluation.slices import ALL
from ja4_assets.ml.fidelity import Fidelity
from ja4_assets.ml.forest import EntityForest
from ja4_assets.ml.names import AS_GOOD, FAITHFUL, FAST_ENOUGH, NO_SLICE_WORSE, RANKS_ALIKE

EQUAL_WITHIN = 0.01
"""Average precisions this close are called equal: on some hundred identities one more or less moves it as
far."""

MIN_SLICE_IDENTITIES = 20
"""Of fewer people one false alarm is over 5 %: nothing can be said about the slice."""

MAX_US_PER_ROW = 60.0
"""A million entity hours a minute."""

MIN_RANK_CORRELATION = 0.7
MAX_ALERT_RATIO = 2.0


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """One check of a challenger."""

    name: str
    is_passed: bool
    is_blocking: bool
    words: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike champion and challenger are on the same rows."""

    rank_correlation: float
    """Spearman's; NaN from constant scores."""
    alert_ratio: float
    """Rows above the challenger's threshold, per row above the champion's."""

    @property
    def is_close(self) -> bool:
        """Written so that a NaN correlation says no."""
        return self.rank_correlation >= MIN_RANK_CORRELATION and self.alert_ratio <= MAX_ALERT_RATIO


def likeness(champion: EntityForest, challenger: EntityForest, matrix: pd.DataFrame) -> Likeness:
    """Compare two forests on rows of the challenger's window."""
    old, new = champion.anomaly_scores(matrix), challenger.anomaly_scores(matrix)
    ranks = pl.DataFrame({"old": old, "new": new})
    correlation = ranks.select(pl.corr("old", "new", method="spearman")).item()
    old_alerts = int(np.count_nonzero(old > champion.reference.threshold))
    new_alerts = int(np.count_nonzero(new > challenger.reference.threshold))
    return Likeness(
        float("nan") if correlation is None else float(correlation), new_alerts / max(1, old_alerts)
    )


def check_labelled(
    old: pl.DataFrame | None, new: pl.DataFrame | None, alike: Likeness | None
) -> CheckOutcome:
    """Better or equal on the labelled clients; `alike` is None while there is no champion that can score."""
    if alike is None:
        return CheckOutcome(AS_GOOD, True, True, "There is no champion to be held against.")
    if old is None or new is None:
        words = (
            "No labelled bots and people in the window, so that only likeness counts: it ranks "
            f"{'alike' if alike.is_close else 'too differently or alerts too often'} (Spearman "
            f"{alike.rank_correlation:.2f}, {alike.alert_ratio:.1f} times as many alerts)."
        )
        return CheckOutcome(AS_GOOD, alike.is_close, True, words)
    before, after = figure(old, ALL, AVERAGE_PRECISION), figure(new, ALL, AVERAGE_PRECISION)
    words = f"Average precision {after:.3f}, the champion's is {before:.3f}."
    found = {"champion_average_precision": before, "challenger_average_precision": after}
    return CheckOutcome(AS_GOOD, after >= before - EQUAL_WITHIN, True, words, found)


def check_slices(old: pl.DataFrame | None, new: pl.DataFrame | None) -> CheckOutcome:
    """No group of labelled people has more false alarms, beyond one person's worth of chance."""
    if old is None or new is None:
        return CheckOutcome(NO_SLICE_WORSE, True, True, "No champion, or no labelled people, to compare on.")
    is_share = pl.col("metric").str.starts_with(FALSE_ALARMS) & (pl.col("identities") >= MIN_SLICE_IDENTITIES)
    both = new.filter(is_share).join(old, on=["slice", "metric"], suffix="_old")
    worse = both.filter(
        pl.col("value") > pl.col("value_old") + pl.max_horizontal(EQUAL_WITHIN, 1.0 / pl.col("identities"))
    )
    if worse.is_empty():
        return CheckOutcome(NO_SLICE_WORSE, True, True, f"{both.height} slices compared, none is worse.")
    named = "; ".join(
        f"{row['slice']} {row['value']:.1%}, before {row['value_old']:.1%}"
        for row in worse.iter_rows(named=True)
    )
    return CheckOutcome(NO_SLICE_WORSE, False, True, f"More false alarms among: {named}.")


def check_latency(us_per_row: float) -> CheckOutcome:
    """A million entity hours a minute."""
    words = f"{us_per_row:.1f} microseconds an entity hour; at most {MAX_US_PER_ROW:.0f} are allowed."
    return CheckOutcome(FAST_ENOUGH, us_per_row <= MAX_US_PER_ROW, True, words, {"us_per_row": us_per_row})


def check_ranks(alike: Likeness | None) -> CheckOutcome:
    """Reported: a challenger that ranks otherwise may be right, but an analyst should know."""
    if alike is None:
        return CheckOutcome(RANKS_ALIKE, True, False, "There is no champion to be held against.")
    words = (
        f"Spearman's rank correlation with the champion is {alike.rank_correlation:.2f}, and it raises "
        f"{alike.alert_ratio:.1f} times as many alerts."
    )
    found = {"rank_correlation": alike.rank_correlation, "alert_ratio": alike.alert_ratio}
    return CheckOutcome(RANKS_ALIKE, alike.is_close, False, words, found)


def check_fidelity(fidelity: Fidelity) -> CheckOutcome:
    """Reported: taking the named features away must lower scores more than taking others away."""
    words = (
        f"Without the three features named first, scores fall by {fidelity.named_bits:.3f} bits, without "
        f"three random ones by {fidelity.random_bits:.3f} ({fidelity.rows} entity hours)."
    )
    found = {"named_bits": fidelity.named_bits, "random_bits": fidelity.random_bits}
    return CheckOutcome(FAITHFUL, fidelity.is_faithful or fidelity.rows == 0, False, words, found)
