"""The sentence and the evidence that a verdict row carries, so that it can be read without a query."""

from __future__ import annotations

from collections.abc import Mapping

from ja4_assets.features.catalogue import LABELS, MART_FEATURES, Unit
from ja4_assets.rules.rule import SHARE_COLUMNS, TEXT_COLUMNS, Rule, Verdict

MAX_VALUE_CHARS = 512
"""Longest value kept; a user agent is the client's to choose and may be kilobytes long."""

UNITS = {feature.name: feature.unit for feature in MART_FEATURES}


def reason_sentence(row: Mapping[str, object], rules: Mapping[str, Rule], share: float) -> str:
    """Why the row of `policy.judge` has its verdict, for an analyst; at most a few sentences.

    `share` is the promise in force: of the model's alerts of a day at most this share may be wrong.
    """
    fired = [rules[rule_id] for rule_id in _strings(row["fired"])]
    if fired:
        others = ", ".join(rule.title for rule in fired[1:])
        return fired[0].reason + (f" Also: {others}." if others else "")
    if row["anomaly_score"] is None:
        return "No rule fires and there are too few requests, or no model, to score."
    rank = f"{float(str(row['score_quantile'])):.1%}"
    if row["verdict"] == Verdict.SUSPICIOUS:
        why = "; ".join(_contribution_words(item) for item in _records(row["top_features"])[:3])
        return (
            f"One of the model's alerts of this day, of which at most {100 * share:.3g}% are expected to be "
            f"wrong: stranger than {rank} of the entity hours it was trained on; {why}."
        )
    if row["verdict"] == Verdict.HUMAN:
        return f"A browser that no rule objects to, and no stranger than usual (rank {rank})."
    return f"No rule fires and the score is usual (rank {rank}), but nothing shows a browser."


def evidence(row: Mapping[str, object], rules: Mapping[str, Rule]) -> dict[str, str]:
    """Column -> value seen, for each rule that fired and for the model's score; values as text."""
    found: dict[str, str] = {}
    fired = _strings(row["fired"])
    for rule_id in fired:
        for column in rules[rule_id].evidence:
            found[column] = _text(column, row[column])
    if fired:
        found["rules"] = ",".join(fired)
    if row["anomaly_score"] is not None:
        found["anomaly_score"] = f"{float(str(row['anomaly_score'])):.4f}"
        found["score_quantile"] = f"{float(str(row['score_quantile'])):.3f}"
        found["threshold"] = f"{float(str(row['threshold'])):.4f}"
        found["model"] = f"{row['model_name']}:{row['model_version']}"
        if row["p_value"] is not None:
            found["p_value"] = f"{float(str(row['p_value'])):.2g}"
        if not fired:
            found |= {
                str(item["name"]): _text(str(item["name"]), item["value"])
                for item in _records(row["top_features"])
            }
    return found


def _contribution_words(item: Mapping[str, object]) -> str:
    name = str(item["name"])
    value, norm = _text(name, item["value"]), _text(name, item["norm"])
    return f"{LABELS.get(name, name)}: {value} (usually {norm})"


def _text(column: str, value: object) -> str:
    if value is None:
        return "unobserved"
    if column in TEXT_COLUMNS:
        return str(value)[:MAX_VALUE_CHARS]
    number = float(str(value))
    if column in SHARE_COLUMNS or UNITS.get(column) is Unit.SHARE:
        return f"{number:.0%}"
    return f"{number:.3g}" if abs(number) < 1000 else f"{number:.0f}"


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _records(value: object) -> list[Mapping[str, object]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
