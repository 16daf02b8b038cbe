"""The false-alarm promise holds on a hundred simulated days; its limits are where the theory puts them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import false_discovery_control

from ja4_assets.ml.conformal import (
    CALIBRATION_PERCENT,
    MIN_CLASS_ROWS,
    Calibration,
    benjamini_hochberg,
    calibrate,
    calibrates,
    estimated_contamination,
    worst_share,
)
from ja4_assets.ml.traffic_classes import MERGED

FloatArray = npt.NDArray[np.float64]
SHARE = 0.05
DAYS = 100
PEOPLE, BOTS = 1500, 60


def classes(name: str, count: int) -> npt.NDArray[np.object_]:
    return np.full(count, name, dtype=object)


def day_of(
    rng: np.random.Generator, *, shift: float = 0.0, contamination: float = 0.0, bots_score: float = 5.0
) -> tuple[float, float]:
    """(share of the alerts that are people, share of the bots found) of one simulated day of two classes.

    The classes' scores have distributions of their own; `shift` moves the people of the day, not those of
    calibration.
    """
    p_values, is_person = [], []
    for name, spread in (("browser_tcp", 1.0), ("tool", 3.0)):
        unnamed = int(contamination * 4000)
        held_out = np.concatenate(
            [rng.gumbel(0.0, spread, 4000 - unnamed), spread * rng.normal(bots_score, 1.0, unnamed)]
        )
        calibration = calibrate(held_out, classes(name, len(held_out)))
        scores = np.concatenate(
            [rng.gumbel(shift * spread, spread, PEOPLE), spread * rng.normal(9.0, 1.0, BOTS)]
        )
        p_values.append(calibration.p_values(scores, classes(name, len(scores)))[0])
        is_person.append(np.arange(len(scores)) < PEOPLE)
    found, people = np.concatenate(p_values), np.concatenate(is_person)
    alerts = found <= benjamini_hochberg(found, SHARE)
    return float((alerts & people).sum() / max(1, alerts.sum())), float((alerts & ~people).sum() / (2 * BOTS))


def mean_and_error(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def test_over_a_hundred_days_like_calibration_the_promised_share_is_kept() -> None:
    rng = np.random.default_rng(7)
    days = [day_of(rng) for _ in range(DAYS)]
    wrong, error = mean_and_error([share for share, _ in days])
    assert wrong <= SHARE + 3 * error
    assert np.mean([found for _, found in days]) > 0.5, "a promise kept by never alerting is none"


def test_over_a_hundred_days_that_moved_the_promise_is_broken() -> None:
    """What the monitor of `ml.promise` must notice: see its test."""
    rng = np.random.default_rng(7)
    wrong, error = mean_and_error([day_of(rng, shift=0.7)[0] for _ in range(DAYS)])
    assert wrong > SHARE + 3 * error


def test_unnamed_bots_in_calibration_that_look_strange_cost_alerts_and_not_the_promise() -> None:
    rng = np.random.default_rng(7)
    clean = [day_of(rng) for _ in range(40)]
    tainted = [day_of(rng, contamination=0.01) for _ in range(40)]
    wrong, error = mean_and_error([share for share, _ in tainted])
    assert wrong <= SHARE + 3 * error
    assert np.mean([found for _, found in tainted]) <= np.mean([found for _, found in clean])


def test_unnamed_bots_that_look_ordinary_loosen_the_promise_by_no_more_than_stated() -> None:
    rng = np.random.default_rng(7)
    days = [day_of(rng, contamination=0.3, bots_score=-9.0)[0] for _ in range(DAYS)]
    wrong, error = mean_and_error(days)
    assert wrong <= worst_share(SHARE, 0.3) + 3 * error


def test_p_values_of_ordinary_traffic_are_at_most_t_with_a_probability_of_at_most_t() -> None:
    rng = np.random.default_rng(3)
    below = np.zeros(4)
    levels = np.array([0.01, 0.05, 0.2, 0.5])
    for _ in range(400):
        calibration = calibrate(rng.normal(size=500), classes("tool", 500))
        found, _ = calibration.p_values(rng.normal(size=50), classes("tool", 50))
        below += (found[:, None] <= levels).mean(axis=0) / 400
    assert (below <= levels + 3 * np.sqrt(levels / 20_000) + 0.005).all()


def test_a_p_value_counts_itself_and_ties_among_the_stranger() -> None:
    calibration = Calibration({"tool": np.array([0.1, 0.2, 0.2, 0.9])})
    found, _ = calibration.p_values(np.array([1.0, 0.9, 0.2, 0.0]), classes("tool", 4))
    assert found.tolist() == [1 / 5, 2 / 5, 4 / 5, 5 / 5]


@pytest.mark.parametrize("seed", range(5))
def test_the_limit_is_that_of_benjamini_and_hochberg_in_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    p_values = np.concatenate([rng.uniform(size=200), rng.uniform(0, 0.002, 20)])
    rejected = false_discovery_control(p_values, method="bh") <= SHARE
    assert np.array_equal(p_values <= benjamini_hochberg(p_values, SHARE), rejected)


def test_without_p_values_or_without_small_ones_nothing_is_an_alert() -> None:
    assert benjamini_hochberg(np.empty(0), SHARE) == 0.0
    assert benjamini_hochberg(np.array([0.2, 0.9]), SHARE) == 0.0


def test_small_classes_are_merged_and_unknown_ones_use_the_merged() -> None:
    rng = np.random.default_rng(1)
    names = np.concatenate([classes("browser_tcp", 1000), classes("mobile", 300), classes("tool", 200)])
    calibration = calibrate(rng.normal(size=1500), names)
    assert {name: len(scores) for name, scores in calibration.scores.items()} == {
        "browser_tcp": 1000,
        MERGED: 500,
    }
    _, used = calibration.p_values(
        np.zeros(3), np.array(["mobile", "browser_tcp", "browser_quic"], dtype=object)
    )
    assert used.tolist() == [MERGED, "browser_tcp", MERGED]


def test_classes_too_small_even_together_are_joined_by_the_smallest_large_one() -> None:
    names = np.concatenate([classes("browser_tcp", 5000), classes("mobile", 600), classes("tool", 10)])
    calibration = calibrate(np.arange(5610.0), names)
    assert {name: len(scores) for name, scores in calibration.scores.items()} == {
        "browser_tcp": 5000,
        MERGED: 610,
    }
    assert MIN_CLASS_ROWS <= 610


def test_without_calibration_there_is_no_p_value() -> None:
    found, used = calibrate(np.empty(0), classes("", 0)).p_values(np.array([0.4]), classes("tool", 1))
    assert np.isnan(found).all()
    assert used.tolist() == [""]


def test_an_address_calibrates_or_trains_and_never_both() -> None:
    addresses = np.array([f"::ffff:198.51.{n // 250}.{n % 250}" for n in range(5000)], dtype=object)
    held_out = calibrates(addresses)
    assert held_out.mean() == pytest.approx(CALIBRATION_PERCENT / 100, abs=0.02)
    assert np.array_equal(calibrates(np.repeat(addresses, 3)), np.repeat(held_out, 3))
    shuffled = np.random.default_rng(1).permutation(5000)
    assert np.array_equal(calibrates(addresses[shuffled]), held_out[shuffled])


def test_contamination_is_what_rules_of_that_recall_leave_unnamed() -> None:
    # 90 bots named of 100: 10 are among 990 others.
    assert estimated_contamination(named=90, undecided=1000, rule_recall=0.9) == pytest.approx(0.01)
    assert estimated_contamination(named=0, undecided=1000, rule_recall=0.0) == 1.0
    assert worst_share(0.05, 0.5) == pytest.approx(0.1)
