"""The one number that orders entity hours: how rules and model share in it."""

from __future__ import annotations

from pathlib import Path

import jinja2
import polars as pl
import pytest

from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.catalogue import RULES
from ja4_assets.rules.rule import Verdict
from ja4_assets.rules.suspicion import MODEL_MOST, suspicion

THRESHOLD = 0.6
DECISIONS = (
    # verdict, source, confidence; what the rules say against and for the entity hour
    ("bad_bot", "rule", 0.97, 0.97, None),
    ("suspicious", "rule", 0.75, 0.75, None),
    ("good_bot", "rule", 0.6, 0.0, 0.6),
    ("suspicious", "model", 0.5, 0.0, None),
    ("human", "model", 0.9, 0.0, None),
    ("unknown", "rule", 0.0, 0.0, None),
    ("unknown", None, None, 0.0, None),
)
COLUMNS = {
    **dict.fromkeys(("verdict", "verdict_source"), pl.String),
    **dict.fromkeys(("confidence", "rules", "good", "anomaly_score"), pl.Float64),
}
MART_S = """
select toFloat64(__MACRO__) as suspicion
from (
    select
        {threshold:Nullable(Float64)} as threshold,
        arrayJoin(arrayZip(
            {verdict:Array(String)},
            {verdict_source:Array(Nullable(String))},
            {confidence:Array(Nullable(Float32))},
            {anomaly_score:Array(Nullable(Float64))}
        )) as decided,
        decided.1 as verdict,
        decided.2 as verdict_source,
        decided.3 as confidence,
        decided.4 as anomaly_score
)
"""


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


def test_the_mart_s_number_is_the_measured_one(clickhouse_dsn: str, project_root: Path) -> None:
    rows = [(*decision, score) for decision in DECISIONS for score in (None, 0.31, THRESHOLD, 0.87)]
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    measured = frame.select(
        suspicion(pl.col("rules"), pl.col("good"), pl.col("anomaly_score"), pl.lit(THRESHOLD))
    ).to_series()
    macros = (project_root / "dbt_clickhouse" / "macros" / "suspicion.sql").read_text("utf-8")
    environment = jinja2.Environment()  # noqa: S701 - it makes SQL, no page
    macro = str(environment.from_string(macros).module.suspicion())  # type: ignore[attr-defined]
    names = ("verdict", "verdict_source", "confidence", "anomaly_score")
    stored = ClickHouseResource(url=clickhouse_dsn).read(
        MART_S.replace("__MACRO__", macro),
        {"threshold": THRESHOLD, **{name: frame[name].to_list() for name in names}},
    )
    assert stored["suspicion"].to_list() == pytest.approx(measured.to_list(), abs=1e-6)
