"""From rules that fired and a model's score to one verdict per entity hour.

Precedence, first that applies:

1. A rule about the client's identity fired: a bot that is verified to be the one it names is a `good_bot`
   whatever else it does, and an impostor of one a `bad_bot`. What else fired stands beside it as evidence.
2. A `bad_bot` rule fired: `bad_bot`.
3. `suspicious` rules fired: `bad_bot` if two or more did and their combined confidence reaches
   `ESCALATION`, else `suspicious`. What a client admits (`Rule.is_admission`) is not among the two: a program
   that says it is one and behaves like one has deceived nobody.
4. A `good_bot` rule fired: `good_bot`. A declared crawler that contradicts itself has met 2 or 3 before.
5. The entity hour is among the model's alerts of its day: `suspicious`. Which are is decided by the
   false-alarm promise that the analyst sets (`ml.alerts`) and not by a fixed threshold; without a calibration
   there is no promise and no alert. Being rare is not proof: a model alone never says `bad_bot`.
6. The entity is a browser with an observed JA4 and was scored: `human`.
7. It has enough requests to be judged, but none of the above: `unknown`.
A rule that people fire too (`Rule.is_supporting`) counts in all of this beside another rule against, and is
not heard where it is alone.
Entities with too few requests and no rule get no verdict, which the marts show as `unknown`.

A rule precedes the model because it can be read, argued with and tested; the model's score is kept
as evidence beside it. The rule that decides is the one with the largest weight among those of its
step, the smaller id in a tie. Confidence is 1 - product(1 - weight) over the `suspicious` and `bad_bot`
rules that fired. It treats them as independent, which they are not: it orders alerts and is no
calibrated probability. For the model's verdicts it is `MODEL_ALERT_CONFIDENCE` for an alert, and for
`human` 1 - score_quantile within `HUMAN_CONFIDENCE`: a rank, no probability either.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ja4_assets.features.frame import KEY_COLUMNS
from ja4_assets.rules.rule import Rule, Verdict
from ja4_assets.rules.suspicion import suspicion

ESCALATION = 0.93
MODEL_ALERT_CONFIDENCE = 0.5
HUMAN_CONFIDENCE = (0.5, 0.95)
PEOPLES_BROWSERS = (
    "Android WebView",
    "Chrome",
    "Chrome iOS",
    "Edge",
    "Edge iOS",
    "Firefox",
    "Firefox iOS",
    "Opera",
    "Safari",
    "Samsung Internet",
    "Yandex Browser",
)
"""Values of `fct_entity_hour.ua_family` (seed `user_agent_families`) that people browse with.

Not HeadlessChrome, which a program drives, nor Electron and Internet Explorer, which nobody surfs with."""

NO_RULE = "none"
"""`source_id` of a verdict that lapsed: an earlier rule no longer fires and nothing else speaks."""

OUTCOME_COLUMNS = ("verdict", "source", "source_id")
"""What makes a decision differ from the one before it; of a rule's also its confidence, which says that other
rules fire beside it than before."""
SAME_CONFIDENCE = 0.0005
"""Confidences are stored as 32-bit numbers."""


def judge(entities: pl.DataFrame, scores: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """One row per entity hour about which there is something to say.

    `entities`: KEY_COLUMNS, user_agent, ua_family, is_sufficient, and a column per rule id that is
    true where the rule fired. `scores`: KEY_COLUMNS, anomaly_score, score_quantile, threshold, p_value,
    is_alert, model_name, model_version; at most one row per entity hour.
    Returns all columns of both, and verdict, source (rule or model), source_id, confidence, `fired`,
    the ids of the rules that fired, the deciding one first, and `suspicion` (module of that name).
    """
    against = [rule for rule in rules if rule.verdict in (Verdict.BAD_BOT, Verdict.SUSPICIOUS)]
    joined = _heard(entities, rules, against).join(scores, on=KEY_COLUMNS, how="left", validate="1:1")
    is_scored = pl.col("anomaly_score").is_not_null()
    is_alert = is_scored & pl.col("is_alert").cast(pl.Boolean)
    is_browser = pl.col("ua_family").is_in(PEOPLES_BROWSERS) & (pl.col("ja4_stable") != "")
    model_id = pl.concat_str("model_name", pl.lit(":"), "model_version")
    quantile_left = (1.0 - pl.col("score_quantile")).clip(*HUMAN_CONFIDENCE)
    counted = [rule for rule in against if rule.verdict is Verdict.SUSPICIOUS and not rule.is_admission]
    suspicious_hits = pl.sum_horizontal(pl.lit(0), *[pl.col(rule.id).cast(pl.Int32) for rule in counted])
    # Who is verified is not judged by what it does: no rule against it decides or counts.
    is_unverified = ~pl.any_horizontal(
        pl.lit(False),
        *[pl.col(rule.id) for rule in rules if rule.is_about_identity and rule.verdict is Verdict.GOOD_BOT],
    )
    judged = joined.with_columns(
        pl.when(is_unverified).then(_deciding(rules, Verdict.BAD_BOT)).alias("bad_rule"),
        pl.when(is_unverified).then(_deciding(rules, Verdict.SUSPICIOUS)).alias("suspicious_rule"),
        _deciding(rules, Verdict.GOOD_BOT).alias("good_rule"),
        pl.when(is_unverified).then(_combined(against)).otherwise(0.0).alias("combined"),
    ).with_columns(pl.coalesce("bad_rule", "suspicious_rule", "good_rule").alias("deciding_rule"))
    # Of a verified client the combined confidence is 0.
    is_escalated = (suspicious_hits >= 2) & (pl.col("combined") >= ESCALATION)
    judged = judged.with_columns(
        pl.when(pl.col("bad_rule").is_not_null() | is_escalated)
        .then(pl.lit(Verdict.BAD_BOT.value))
        .when(pl.col("suspicious_rule").is_not_null())
        .then(pl.lit(Verdict.SUSPICIOUS.value))
        .when(pl.col("good_rule").is_not_null())
        .then(pl.lit(Verdict.GOOD_BOT.value))
        .when(is_alert)
        .then(pl.lit(Verdict.SUSPICIOUS.value))
        .when(is_scored & is_browser)
        .then(pl.lit(Verdict.HUMAN.value))
        .when(pl.col("is_sufficient"))
        .then(pl.lit(Verdict.UNKNOWN.value))
        .alias("verdict"),
        pl.when(pl.col("deciding_rule").is_not_null() | ~is_scored)
        .then(pl.lit("rule"))
        .otherwise(pl.lit("model"))
        .alias("source"),
        pl.coalesce("deciding_rule", pl.when(is_scored).then(model_id), pl.lit(NO_RULE)).alias("source_id"),
    )
    return judged.with_columns(
        pl.when(pl.col("bad_rule").is_not_null() | pl.col("suspicious_rule").is_not_null())
        .then(pl.col("combined"))
        .when(pl.col("good_rule").is_not_null())
        .then(_weight_of("good_rule", rules))
        .when(is_alert)
        .then(pl.lit(MODEL_ALERT_CONFIDENCE))
        .when(pl.col("verdict") == Verdict.HUMAN.value)
        .then(quantile_left)
        .otherwise(pl.lit(0.0))
        .alias("confidence"),
        _fired(rules).alias("fired"),
        suspicion(
            pl.col("combined"), _weight_of("good_rule", rules), pl.col("anomaly_score"), pl.col("threshold")
        ).alias("suspicion"),
    ).drop("bad_rule", "suspicious_rule", "good_rule", "combined", "deciding_rule")


def changed_only(judged: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Rows of `judged` whose outcome is not the one already on record.

    `earlier`: KEY_COLUMNS, OUTCOME_COLUMNS and confidence of the latest decision per entity hour. An entity
    that had a verdict and now has nothing to say for one becomes `unknown` once, so that it does not keep a
    verdict whose ground is gone.
    """
    on_record = earlier.select(*KEY_COLUMNS, *OUTCOME_COLUMNS, pl.col("confidence").alias("known_confidence"))
    lapsed = judged.filter(pl.col("verdict").is_null()).join(on_record, on=KEY_COLUMNS, how="semi")
    lapsed = lapsed.with_columns(pl.lit(Verdict.UNKNOWN.value).alias("verdict"))
    outcomes = pl.concat([judged.filter(pl.col("verdict").is_not_null()), lapsed])
    moved = (pl.col("confidence") - pl.col("known_confidence")).abs() > SAME_CONFIDENCE
    is_new = pl.col("known_confidence").is_null() | ((pl.col("source") == "rule") & moved)
    known = outcomes.join(on_record, on=[*KEY_COLUMNS, *OUTCOME_COLUMNS], how="left", validate="1:1")
    return known.filter(is_new).drop("known_confidence").sort(KEY_COLUMNS)


def _heard(entities: pl.DataFrame, rules: Sequence[Rule], against: Sequence[Rule]) -> pl.DataFrame:
    """The rules' columns as booleans, supporting ones false where no other rule speaks against the entity."""
    fired = entities.with_columns(pl.col(rule.id).cast(pl.Boolean) for rule in rules)
    is_accused = pl.any_horizontal(
        pl.lit(False), *[pl.col(rule.id) for rule in against if not rule.is_supporting]
    )
    return fired.with_columns(pl.col(rule.id) & is_accused for rule in against if rule.is_supporting)


def _by_weight(rules: Sequence[Rule]) -> list[Rule]:
    return sorted(rules, key=lambda rule: (-rule.weight, rule.id))


def _deciding(rules: Sequence[Rule], verdict: Verdict) -> pl.Expr:
    choices = [
        pl.when(pl.col(rule.id)).then(pl.lit(rule.id))
        for rule in _by_weight(rules)
        if rule.verdict is verdict
    ]
    return pl.coalesce(*choices, pl.lit(None, dtype=pl.String))


def _combined(rules: Sequence[Rule]) -> pl.Expr:
    doubt = pl.lit(1.0)
    for rule in rules:
        doubt = doubt * pl.when(pl.col(rule.id)).then(1.0 - rule.weight).otherwise(1.0)
    return 1.0 - doubt


def _weight_of(column: str, rules: Sequence[Rule]) -> pl.Expr:
    weights = {rule.id: rule.weight for rule in rules}
    return pl.col(column).replace_strict(weights, default=None, return_dtype=pl.Float64)


def _fired(rules: Sequence[Rule]) -> pl.Expr:
    order = [Verdict.BAD_BOT, Verdict.SUSPICIOUS, Verdict.GOOD_BOT]
    ranked = sorted(
        _by_weight(rules), key=lambda rule: (not rule.is_about_identity, order.index(rule.verdict))
    )
    return pl.concat_list(
        [pl.when(pl.col(rule.id)).then(pl.lit(rule.id)) for rule in ranked]
    ).list.drop_nulls()
