"""The monitor is silent while the promise holds and speaks, in words, when something breaks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from ja4_assets.ml.conformal import calibrate
from ja4_assets.ml.promise import Circumstances, examine_promise, upper_half_uniformity

DAY = datetime(2026, 11, 22, tzinfo=UTC)
DAYS = 100


def simulated(rng: np.random.Generator, shift: float, people: int = 1500, bots: int = 60) -> Circumstances:
    calibration = calibrate(rng.gumbel(size=4000), np.full(4000, "tool", dtype=object))
    scores = np.concatenate([rng.gumbel(shift, 1.0, people), rng.normal(9.0, 1.0, bots)])
    p_values, _ = calibration.p_values(scores, np.full(len(scores), "tool", dtype=object))
    return Circumstances(
        share=0.05,
        p_values=p_values,
        addresses=len(scores),
        calibration_rows={"tool": 4000},
        day=DAY,
        trained_until=DAY - timedelta(hours=20),
    )


def test_the_monitor_is_silent_on_days_like_calibration_and_speaks_on_days_that_moved() -> None:
    rng = np.random.default_rng(11)
    alike = [examine_promise(simulated(rng, 0.0)).is_kept for _ in range(DAYS)]
    moved = [examine_promise(simulated(rng, 0.7)) for _ in range(DAYS)]
    # One in a hundred may speak without a cause; more than four of a hundred then have a chance of 0.4 %.
    assert sum(alike) >= 96
    assert sum(not day.is_kept for day in moved) >= 95
    assert "does not look like the traffic the model was calibrated on" in moved[0].faults[0]


def test_hours_of_few_clients_are_not_taken_for_drift() -> None:
    rng = np.random.default_rng(5)
    one_per_client = rng.uniform(size=60)
    many_hours = np.repeat(one_per_client, 24)
    careless = upper_half_uniformity(many_hours, addresses=1440, held_out=4000)
    careful = upper_half_uniformity(many_hours, addresses=200, held_out=4000)
    assert careless is not None
    assert careful is not None
    assert careless < careful


def test_too_few_p_values_say_nothing_about_drift() -> None:
    assert upper_half_uniformity(np.full(10, 0.6), 10, 4000) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"calibration_rows": {}}, "Nothing was held out"),
        ({"calibration_rows": {"tool": 60}}, "calibrated on 60 entity hours only"),
        ({"unseen_ja4_share": 0.5}, "50% of the entity hours have a JA4 that training never saw"),
        ({"trained_until": DAY - timedelta(days=12)}, "12 days before this day"),
        ({"contamination": 0.4}, "40% of the calibration are bots that no rule names"),
    ],
)
def test_each_threat_to_the_promise_has_its_words(change: dict[str, object], words: str) -> None:
    found = replace(simulated(np.random.default_rng(2), 0.0), **change)  # type: ignore[arg-type]
    examination = examine_promise(found)
    assert not examination.is_kept
    assert words in " ".join(examination.faults)


def test_contamination_says_how_wrong_the_promise_can_be_at_worst() -> None:
    found = replace(simulated(np.random.default_rng(2), 0.0), contamination=0.5)
    assert examine_promise(found).worst_share == pytest.approx(0.1)
