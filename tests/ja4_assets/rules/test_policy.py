"""Which of rule and model decides, what is written when, and what the row says."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from ja4_assets.rules.catalogue import RULES, RULES_BY_ID
from ja4_assets.rules.evidence import MAX_VALUE_CHARS, evidence, reason_sentence
from ja4_assets.rules.policy import NO_RULE, PEOPLES_BROWSERS, changed_only, judge
from ja4_assets.rules.render import evidence_numbers

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
JA4 = "t13d1516h2_8daaf6152771_d8a2da3f94cd"
TOP = [{"name": "hdr_order_bits", "value": 9.2, "norm": 0.1, "contribution": 0.4}]


def entity(
    *fired: str, family: str = "Chrome", ja4_stable: str = JA4, sufficient: bool = True, agent: str = "UA"
) -> pl.DataFrame:
    row: dict[str, object] = {
        "hour": HOUR,
        "client_ip": "::ffff:192.0.2.1",
        "ja4_stable": ja4_stable,
        "host": "shop.test",
        "user_agent": agent,
        "ua_family": family,
        "ja4": "t13d1517h2_8daaf6152771_cb7bf5808d99",
        "claimed_bot": "Googlebot",
        "identity_state": "verified",
        "identity_method": "range",
        "identity_detail": "in the published ranges of Googlebot",
        "watch_list": "",
        "is_sufficient": sufficient,
        **dict.fromkeys(evidence_numbers(RULES), 1.0),
        **{rule.id: rule.id in fired for rule in RULES},
    }
    return pl.DataFrame([row], schema_overrides={"hour": pl.Datetime("us", "UTC")})


def score(value: float | None, ja4_stable: str = JA4, *, is_alert: bool | None = None) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "hour": [HOUR],
            "client_ip": ["::ffff:192.0.2.1"],
            "ja4_stable": [ja4_stable],
            "host": ["shop.test"],
            "anomaly_score": [value],
            "score_quantile": [0.995 if (value or 0) > 0.6 else 0.4],
            "threshold": [0.6],
            "p_value": [0.0004 if (value or 0) > 0.6 else 0.7],
            "is_alert": [int((value or 0) > 0.6 if is_alert is None else is_alert)],
            "model_name": ["ja4_entity_forest"],
            "model_version": ["3"],
            "top_features": [TOP],
        },
        schema_overrides={"hour": pl.Datetime("us", "UTC")},
    )
    return frame if value is not None else frame.clear()


HIGH, LOW, ABSENT = 0.7, 0.45, None


@pytest.mark.parametrize(
    ("fired", "anomaly", "verdict", "source", "source_id"),
    [
        ([], LOW, "human", "model", "ja4_entity_forest:3"),
        ([], HIGH, "suspicious", "model", "ja4_entity_forest:3"),
        (["R003"], HIGH, "good_bot", "rule", "R003"),
        (["R007"], LOW, "suspicious", "rule", "R007"),
        (["R007"], HIGH, "suspicious", "rule", "R007"),
        (["R005"], LOW, "bad_bot", "rule", "R005"),
        (["R006", "R005"], ABSENT, "bad_bot", "rule", "R005"),
        (["R003", "R005"], LOW, "bad_bot", "rule", "R005"),
        (["R003", "R001"], LOW, "suspicious", "rule", "R001"),
        (["R020", "R001", "R011", "R027"], HIGH, "good_bot", "rule", "R020"),
        (["R019", "R003"], LOW, "bad_bot", "rule", "R019"),
        (["R019", "R005", "R002"], HIGH, "bad_bot", "rule", "R019"),
        ([], ABSENT, "unknown", "rule", NO_RULE),
    ],
)
def test_precedence_of_rules_and_model(
    fired: list[str], anomaly: float | None, verdict: str, source: str, source_id: str
) -> None:
    (row,) = judge(entity(*fired), score(anomaly), RULES).to_dicts()
    assert (row["verdict"], row["source"], row["source_id"]) == (verdict, source, source_id)


def test_two_suspicious_rules_escalate_only_when_together_they_convince() -> None:
    # 1 - 0.25 * 0.25 = 0.9375 reaches the bound of 0.93; 1 - 0.25 * 0.4 = 0.90 does not.
    (both,) = judge(entity("R007", "R013"), score(LOW), RULES).to_dicts()
    assert (both["verdict"], both["source_id"]) == ("bad_bot", "R007")
    assert both["confidence"] == pytest.approx(0.9375)
    (weak,) = judge(entity("R007", "R014"), score(LOW), RULES).to_dicts()
    assert weak["verdict"] == "suspicious"
    assert weak["confidence"] == pytest.approx(0.9)


def test_a_program_that_says_so_is_no_bad_bot_for_behaving_like_one() -> None:
    (row,) = judge(entity("R001", "R016", family="curl"), score(ABSENT), RULES).to_dicts()
    assert (row["verdict"], row["source_id"]) == ("suspicious", "R001")
    assert row["confidence"] == pytest.approx(1 - 0.15 * 0.2)
    (ignored_robots,) = judge(entity("R001", "R016", "R027", family="curl"), score(ABSENT), RULES).to_dicts()
    assert ignored_robots["verdict"] == "bad_bot", "what it did beside is no admission"


def test_what_people_have_too_is_heard_beside_another_rule_only() -> None:
    (alone,) = judge(entity("R023"), score(LOW), RULES).to_dicts()
    assert (alone["verdict"], alone["fired"]) == ("human", [])
    assert alone["suspicion"] == judge(entity(), score(LOW), RULES)["suspicion"].item()
    (beside,) = judge(entity("R023", "R016"), score(LOW), RULES).to_dicts()
    assert (beside["verdict"], beside["fired"]) == ("bad_bot", ["R016", "R023"])
    assert beside["confidence"] == pytest.approx(1 - 0.2 * 0.35)
    (crawler,) = judge(entity("R023", "R003"), score(LOW), RULES).to_dicts()
    assert (crawler["verdict"], crawler["fired"]) == ("good_bot", ["R003"])


def test_the_day_s_promise_decides_and_no_threshold_of_the_score() -> None:
    (strange,) = judge(entity(), score(0.9, is_alert=False), RULES).to_dicts()
    assert (strange["verdict"], strange["source"]) == ("human", "model")
    (promised,) = judge(entity(), score(0.55, is_alert=True), RULES).to_dicts()
    assert (promised["verdict"], promised["source"]) == ("suspicious", "model")


def test_a_mark_that_comes_or_goes_is_a_new_decision() -> None:
    before = judge(entity(), score(0.65, is_alert=False), RULES)
    marked = judge(entity(), score(0.65, is_alert=True), RULES)
    assert changed_only(marked, before)["verdict"].to_list() == ["suspicious"]
    assert changed_only(before, marked)["verdict"].to_list() == ["human"]


def test_a_rule_that_fires_beside_the_deciding_one_is_a_new_decision() -> None:
    alone = judge(entity("R005"), score(LOW), RULES)
    both = judge(entity("R005", "R007"), score(LOW), RULES)
    assert both["source_id"].to_list() == ["R005"]
    assert changed_only(both, alone).height == 1
    stored = both.with_columns(pl.col("confidence").cast(pl.Float32))
    assert changed_only(both, stored).is_empty(), "the table keeps 32-bit numbers"


def test_a_model_s_rank_that_moves_is_no_new_decision() -> None:
    before = judge(entity(), score(LOW), RULES)
    later = before.with_columns(confidence=pl.lit(0.9))
    assert changed_only(later, before).is_empty()


@pytest.mark.parametrize("change", [{"family": "other"}, {"ja4_stable": ""}])
def test_only_a_browser_with_a_hello_is_called_human(change: dict[str, str]) -> None:
    (row,) = judge(entity(**change), score(LOW, change.get("ja4_stable", JA4)), RULES).to_dicts()  # type: ignore[arg-type]
    assert row["verdict"] == "unknown"
    assert "nothing shows a browser" in reason_sentence(row, RULES_BY_ID, 0.05)


def test_too_few_requests_get_a_verdict_from_a_rule_or_none_at_all() -> None:
    assert judge(entity(sufficient=False), score(ABSENT), RULES)["verdict"].to_list() == [None]
    assert judge(entity("R002", sufficient=False), score(ABSENT), RULES)["verdict"].to_list() == ["bad_bot"]


def test_an_unchanged_outcome_is_not_written_again() -> None:
    judged = judge(entity("R005"), score(LOW), RULES)
    first = changed_only(judged, judged.clear())
    assert first.height == 1
    assert changed_only(judged, first).is_empty()


@pytest.mark.parametrize("later", [entity("R007"), entity()])
def test_a_changed_outcome_is_written(later: pl.DataFrame) -> None:
    on_record = judge(entity("R005"), score(LOW), RULES)
    assert changed_only(judge(later, score(LOW), RULES), on_record).height == 1


def test_a_verdict_whose_ground_is_gone_lapses_once() -> None:
    on_record = judge(entity("R007", sufficient=False), score(ABSENT), RULES)
    now = judge(entity(sufficient=False), score(ABSENT), RULES)
    lapsed = changed_only(now, on_record)
    assert lapsed.select("verdict", "source", "source_id").row(0) == ("unknown", "rule", NO_RULE)
    assert changed_only(now, lapsed).is_empty()


def test_a_rule_s_row_says_why_and_names_the_other_rules_and_the_score() -> None:
    (row,) = judge(entity("R007", "R005", agent="x" * 5000), score(HIGH), RULES).to_dicts()
    assert (
        reason_sentence(row, RULES_BY_ID, 0.05) == RULES_BY_ID["R005"].reason + " Also: no Sec-Fetch headers."
    )
    found = evidence(row, RULES_BY_ID)
    assert found["rules"] == "R005,R007"
    assert found["user_agent"] == "x" * MAX_VALUE_CHARS
    assert found["secfetch_missing"] == "100%"
    assert (found["anomaly_score"], found["model"]) == ("0.7000", "ja4_entity_forest:3")


def test_a_verified_bot_s_row_says_what_proves_it_and_what_else_it_did() -> None:
    (row,) = judge(entity("R003", "R011", "R020"), score(HIGH), RULES).to_dicts()
    assert row["confidence"] == pytest.approx(0.99)
    assert reason_sentence(row, RULES_BY_ID, 0.05).endswith(" Also: path guessing, declared crawler.")
    found = evidence(row, RULES_BY_ID)
    assert (found["identity_method"], found["identity_state"]) == ("range", "verified")
    assert found["identity_detail"] == "in the published ranges of Googlebot"
    assert found["rules"] == "R020,R011,R003"


def test_the_model_s_row_names_value_and_norm_of_what_was_strange() -> None:
    (row,) = judge(entity(), score(HIGH), RULES).to_dicts()
    assert reason_sentence(row, RULES_BY_ID, 0.05) == (
        "One of the model's alerts of this day, of which at most 5% are expected to be wrong: "
        "stranger than 99.5% of the entity hours it was trained on; "
        "surprise of the header order for this browser family: 9.2 (usually 0.1)."
    )
    assert evidence(row, RULES_BY_ID)["hdr_order_bits"] == "9.2"
    assert evidence(row, RULES_BY_ID)["p_value"] == "0.0004"


def test_an_empty_window_is_judged_to_nothing() -> None:
    judged = judge(entity().clear(), score(ABSENT), RULES)
    assert judged.is_empty()
    assert changed_only(judged, judged).is_empty()


def test_the_browsers_of_people_are_families_that_the_warehouse_knows_as_browsers(project_root: Path) -> None:
    with (project_root / "dbt_clickhouse" / "seeds" / "user_agent_families.csv").open() as seed:
        known = {row["family"] for row in csv.DictReader(seed) if row["is_browser"] == "1"}
    assert set(PEOPLES_BROWSERS) <= known
