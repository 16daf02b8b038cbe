"""When the false-alarm promise cannot be kept, and saying so in words an analyst understands.

The promise rests on one assumption: that today's ordinary traffic is drawn as the calibration was. It
cannot be proven, but it leaves marks where it fails: ordinary entity hours have p-values spread evenly from
0 to 1, and the upper half, where hardly a bot is, shows whether they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from scipy.special import kolmogorov
from scipy.stats import kstest

from ja4_assets.ml.conformal import FloatArray, worst_share
from ja4_assets.ml.drift import MAX_UNSEEN_JA4_SHARE

UPPER_HALF = 0.5
MIN_FOR_UNIFORMITY = 50
"""Fewer independent p-values in the upper half tell no drift from chance."""

DRIFT_SIGNIFICANCE = 0.01
"""One day in a hundred the monitor speaks without a cause."""

MAX_AGE = timedelta(days=8)
"""A window of a week, trained daily: older means that training has stopped."""

MAX_CONTAMINATION = 0.1


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What one day's promise rests on."""

    share: float
    """Share of the alerts that may be wrong."""
    p_values: FloatArray
    """Of the day's entity hours that no rule and no analyst has decided."""
    addresses: int
    """Distinct client addresses behind them."""
    calibration_rows: Mapping[str, int]
    """Per traffic class that gave p-values."""
    day: datetime
    trained_until: datetime
    unseen_ja4_share: float | None = None
    contamination: float | None = None
    """Estimated share of bots in the calibration; None if it could not be estimated."""


@dataclass(frozen=True, slots=True)
class PromiseExamination:
    """What speaks against the promise of one day, one sentence each; nothing if it can be kept."""

    faults: tuple[str, ...]
    uniformity_p: float | None
    """Probability of p-values in the upper half as uneven as these, were the traffic as in calibration."""
    worst_share: float

    @property
    def is_kept(self) -> bool:
        """Nothing speaks against it."""
        return not self.faults


def examine_promise(found: Circumstances) -> PromiseExamination:
    """Look for a calibration that is too small, old, or contaminated, and for traffic that has moved away."""
    faults = [*_size_faults(found)]
    held_out = sum(found.calibration_rows.values())
    uniformity = upper_half_uniformity(found.p_values, found.addresses, held_out)
    if uniformity is not None and uniformity < DRIFT_SIGNIFICANCE:
        faults.append(
            "The day's ordinary traffic does not look like the traffic the model was calibrated on: alerts "
            f"may be wrong more often than {found.share:.0%}. Train again on a window that holds it."
        )
    if found.unseen_ja4_share is not None and found.unseen_ja4_share > MAX_UNSEEN_JA4_SHARE:
        faults.append(
            f"{found.unseen_ja4_share:.0%} of the entity hours have a JA4 that training never saw, more than "
            f"{MAX_UNSEEN_JA4_SHARE:.0%}: clients have changed, and the calibration is not about them."
        )
    if found.day - found.trained_until > MAX_AGE:
        faults.append(
            f"The calibration ended {(found.day - found.trained_until).days} days before this day: training "
            "has stopped."
        )
    worst = worst_share(found.share, found.contamination or 0.0)
    if found.contamination is not None and found.contamination > MAX_CONTAMINATION:
        faults.append(
            f"An estimated {found.contamination:.0%} of the calibration are bots that no rule names. Most "
            "likely too few alerts are given; if those bots look more ordinary than people, up to "
            f"{worst:.1%} of the alerts are wrong. Label the strangest of them and train again."
        )
    return PromiseExamination(tuple(faults), uniformity, worst)


def upper_half_uniformity(p_values: FloatArray, addresses: int, held_out: int) -> float | None:
    """Probability of an upper half of p-values as uneven as this, if they are uniform; None if too few.

    `held_out`: calibrating rows behind them.

    The Kolmogorov-Smirnov distance is judged as if there were one p-value an address: the hours of one
    client are alike, and counting each would cry drift at every busy client.
    """
    upper = p_values[p_values > UPPER_HALF]
    independent = len(upper) * min(1.0, addresses / max(1, len(p_values)))
    if independent < MIN_FOR_UNIFORMITY or not held_out:
        return None
    distance = kstest((upper - UPPER_HALF) / (1.0 - UPPER_HALF), "uniform").statistic
    # Asymptotic distribution with Stephens' correction for finite samples (1970).
    # Against `held_out` rows and not against a known distribution: a test of two samples, half of each.
    root = np.sqrt(independent * held_out / (2.0 * independent + held_out))
    return float(kolmogorov(distance * (root + 0.12 + 0.11 / root)))


def _size_faults(found: Circumstances) -> list[str]:
    if not found.calibration_rows:
        return ["Nothing was held out to calibrate on: no entity hour has a p-value, no alert a promise."]
    faults = []
    tests = len(found.p_values)
    for name, rows in sorted(found.calibration_rows.items()):
        finest = 1.0 / (rows + 1)
        needed = int(np.ceil(finest * tests / found.share))
        if needed > max(1, tests // 20):
            faults.append(
                f"Class {name} is calibrated on {rows} entity hours only: its smallest p-value is "
                f"{finest:.4f}, so that it has no alert on a day with fewer than {needed} of them. Widen the "
                "window, or accept more false alarms."
            )
    return faults
