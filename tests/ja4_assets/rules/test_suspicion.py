"""The one number that orders entity hours: how rules and model share in it."""

from __future__ import annotations

import polars as pl
import pytest

from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.rule import Verdict
from ja4_assets.rules.suspicion import MODEL_MOST, suspicion

THRESHOLD = 0.6


def of(rules: float, good: float | None, score: float | None) -> float:
    row = pl.DataFrame(
        {"rules": [rules], "good": [good], "score": [score]},
        {"rules": pl.Float64, "good": pl.Float64, "score": pl.Float64},
    )
    found = row.select(suspicion(pl.col("rules"), pl.col("good"), pl.col("score"), pl.lit(THRESHOLD)))
    return float(found.item())


def test_without_rules_and_score_there_is_no_suspicion() -> None:
    assert of(0.0, None, None) == 0.0


def test_a_score_at_the_threshold_is_half_of_what_a_model_can_say() -> None:
    assert of(0.0, None, THRESHOLD) == pytest.approx(MODEL_MOST / 2)


def test_rules_and_model_raise_it_and_neither_lowers_it() -> None:
    scores = [None, 0.3, 0.5, 0.7, 0.9]
    for rules in (0.0, 0.6, 0.95):
        found = [of(rules, None, score) for score in scores]
        assert found == sorted(found)
        assert len(set(found)) == len(found)
        assert found[0] == pytest.approx(rules)
        assert found[-1] < 1.0


def test_the_strangest_score_alone_stays_below_every_rule_against_an_entity() -> None:
    weights = [rule.weight for rule in RULES if rule.verdict in (Verdict.BAD_BOT, Verdict.SUSPICIOUS)]
    assert of(0.0, None, 1.0) < min(weights)


def test_a_rule_in_favour_excuses_a_strange_score_but_no_rule_against() -> None:
    assert of(0.0, 0.95, 0.9) == pytest.approx(of(0.0, None, 0.9) * 0.05)
    assert of(0.9, 0.95, 0.9) == of(0.9, None, 0.9)
