"""Identities, slices, supported rates and intervals of the figures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from ja4_assets.evaluation.evaluate import (
    ALERTS_PER_DAY,
    AVERAGE_PRECISION,
    FALSE_ALARMS,
    FALSE_ALERTS_PER_DAY,
    FIRST_HOUR_RECALL,
    RECALL,
    NothingToMeasureError,
    at,
    evaluate,
    figure,
)
from ja4_assets.evaluation.identities import TRUTH_SCHEMA, TruthError, by_identity
from ja4_assets.evaluation.ranking import NEVER
from ja4_assets.evaluation.record import EVALUATION_COLUMNS, evaluation_rows
from ja4_assets.evaluation.slices import ALL, OBSERVED_PEOPLE, WITHOUT_HONEST, tier_slice

HOUR = datetime(2026, 11, 1, tzinfo=UTC)


def truth(*rows: tuple[str, str, str, bool, bool]) -> pl.DataFrame:
    """(address, identity, tier, is_bot, amplified); the family is the tier."""
    wide = [(address, identity, tier, tier, is_bot, made) for address, identity, tier, is_bot, made in rows]
    return pl.DataFrame(wide, TRUTH_SCHEMA, orient="row")


def scored(*rows: tuple[str, int, float | None]) -> pl.DataFrame:
    """(address, hour, score)."""
    frame = pl.DataFrame(rows, {"client_ip": pl.String, "at": pl.Int64, "score": pl.Float64}, orient="row")
    return frame.with_columns((pl.lit(HOUR) + pl.duration(hours="at")).alias("hour")).drop("at")


PEOPLE = [(f"192.0.2.{n}", f"person-{n}", "human", False, True) for n in range(1, 101)]
REAL = ("198.51.100.1", "visitor", "returning", False, False)
SCANNER = ("203.0.113.1", "scanner-1", "scanner", True, False)
SLOW = ("203.0.113.2", "slow-1", "low_and_slow", True, False)
HONEST = ("203.0.113.3", "wget-1", "honest_bot", True, False)
EVERYBODY = truth(*PEOPLE, REAL, SCANNER, SLOW, HONEST)
SCORES = scored(
    *[(address, 0, 0.1 + n / 1000) for n, (address, *_) in enumerate(PEOPLE)],
    (REAL[0], 0, 0.6),
    (f"::ffff:{SCANNER[0]}", 2, 0.9),
    (SLOW[0], 0, 0.1),
    (SLOW[0], 23, 0.5),
)


def test_all_addresses_of_an_identity_are_judged_together_by_the_worst_hour() -> None:
    known = truth(("192.0.2.1", "one", "scanner", True, False), ("192.0.2.2", "one", "scanner", True, False))
    found = by_identity(scored(("192.0.2.1", 3, 0.2), ("192.0.2.2", 1, 0.1), ("192.0.2.2", 5, 0.7)), known)
    (row,) = found.to_dicts()
    assert (row["score"], row["first_hour_score"], row["hours"]) == (0.7, 0.1, [0.1, 0.2, 0.7])


def test_an_identity_that_nobody_judged_counts_as_missed() -> None:
    (row,) = by_identity(SCORES, EVERYBODY).filter(pl.col("identity") == "wget-1").to_dicts()
    assert row["score"] == NEVER
    assert figure(evaluate(SCORES, EVERYBODY), tier_slice("honest_bot"), at(RECALL, 0.01)) == 0.0


def test_recall_at_one_percent_of_101_people_lets_one_of_them_be_flagged() -> None:
    found = evaluate(SCORES, EVERYBODY)
    # Without a false alarm only 0.9 is above the visitor's 0.6; with one, 0.5 is found too.
    assert figure(found, ALL, at(RECALL, None)) == pytest.approx(1 / 3)
    assert figure(found, ALL, at(RECALL, 0.01)) == pytest.approx(2 / 3)
    assert figure(found, WITHOUT_HONEST, at(RECALL, 0.01)) == 1.0
    assert figure(found, tier_slice("returning"), at(FALSE_ALARMS, 0.01)) == 1.0
    assert figure(found, OBSERVED_PEOPLE, at(FALSE_ALARMS, 0.01)) == 1.0
    assert figure(found, tier_slice("human"), at(FALSE_ALARMS, 0.01)) == 0.0


def test_the_first_hour_must_reach_the_threshold_of_the_whole_time() -> None:
    found = evaluate(SCORES, EVERYBODY)
    assert figure(found, tier_slice("low_and_slow"), at(RECALL, 0.01)) == 1.0
    assert figure(found, tier_slice("low_and_slow"), at(FIRST_HOUR_RECALL, 0.01)) == 0.0
    assert figure(found, tier_slice("scanner"), at(FIRST_HOUR_RECALL, 0.01)) == 1.0


def test_a_rate_finer_than_one_person_is_left_out() -> None:
    metrics = set(evaluate(SCORES, EVERYBODY)["metric"])
    assert at(RECALL, 0.01) in metrics
    assert at(RECALL, 0.001) not in metrics
    few = evaluate(SCORES, EVERYBODY.filter(~pl.col("amplified")))
    assert {metric for metric in few["metric"] if metric.startswith(RECALL)} == {at(RECALL, None)}


def test_amplified_people_are_named_in_the_note() -> None:
    assert set(evaluate(SCORES, EVERYBODY)["note"]) == {"1 observed and 100 amplified people"}
    assert set(evaluate(SCORES, EVERYBODY.filter(~pl.col("amplified")))["note"]) == {"1 observed people"}


def test_alerts_a_day_are_entity_hours_above_the_threshold() -> None:
    # The hours span one day. At one percent the threshold is 0.5: three entity hours, one of them a person's.
    found = evaluate(SCORES, EVERYBODY)
    assert figure(found, ALL, at(ALERTS_PER_DAY, 0.01)) == pytest.approx(3.0)
    assert figure(found, ALL, at(FALSE_ALERTS_PER_DAY, 0.01)) == pytest.approx(1.0)


def test_the_interval_holds_the_value_and_the_same_input_gives_the_same_figures() -> None:
    found = evaluate(SCORES, EVERYBODY)
    assert found.equals(evaluate(SCORES.reverse(), EVERYBODY.reverse()))
    row = found.filter((pl.col("slice") == ALL) & (pl.col("metric") == AVERAGE_PRECISION)).to_dicts()[0]
    assert row["low"] <= row["value"] <= row["high"]
    assert row["low"] < row["high"]
    assert row["identities"] == 3


def test_a_truth_that_contradicts_itself_is_refused() -> None:
    doubted = truth(("192.0.2.1", "one", "scanner", True, False), ("192.0.2.2", "one", "human", False, False))
    with pytest.raises(TruthError, match="bot and person at once: one"):
        evaluate(SCORES, doubted)
    with pytest.raises(TruthError, match="lacks amplified"):
        evaluate(SCORES, EVERYBODY.drop("amplified"))


def test_without_people_or_bots_there_is_nothing_to_measure() -> None:
    with pytest.raises(NothingToMeasureError):
        evaluate(SCORES, EVERYBODY.filter("is_bot"))


def test_rows_for_the_table_leave_out_what_has_no_value() -> None:
    found = evaluate(SCORES, EVERYBODY)
    endless = found.with_columns(pl.lit(float("inf")).alias("value")).head(1)
    moment = datetime(2026, 11, 2, tzinfo=UTC) + timedelta(seconds=1)
    rows = evaluation_rows(
        pl.concat([found, endless]),
        data_set="lab",
        model_name="forest",
        model_version="3",
        evaluated_at=moment,
    )
    assert tuple(rows.columns) == EVALUATION_COLUMNS
    assert rows.height == found.height
    assert rows["evaluated_at"].unique().to_list() == [moment]
