"""Three versions of a model, as the marts hold them: an old one, the champion, and its challenger."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

NAME = "entity_hour_forest"
FIGURES = (("labelled", "", "recall"), ("labelled", "tier 3", "recall"), ("promise", "", "false_alarm_share"))
DRIFTED = (("ua_ja4_bits", 0.31), ("hdr_order_bits", 0.14), ("secfetch_missing", 0.02))


def model_rows(now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Rows of dim_model, fct_model_evaluation and fct_model_drift."""
    rows: dict[str, list[dict[str, Any]]] = {
        "dim_model": [],
        "fct_model_evaluation": [],
        "fct_model_drift": [],
    }
    for version, alias in (("1", ""), ("2", "champion"), ("3", "challenger")):
        trained = now - timedelta(days=4 - int(version))
        key = {"model_name": NAME, "model_version": version}
        rows["dim_model"].append(
            {
                **key,
                "alias": alias,
                "run_id": f"{version}0f3a1c5e7d94b2a8c6e1f0d3b5a79",
                "trained_at": trained,
                "window_start": trained - timedelta(days=7),
                "window_end": trained,
                "training_rows": 20_000 * int(version),
                "features": ["ua_ja4_bits", "secfetch_missing"],
                "code_version": "0.1.0+9f2c",
                "seed": 7,
                "reason": "No worse than the one before on every slice.",
                "changed_at": trained,
            }
        )
        for data_set, part, metric in FIGURES:
            value = 0.5 + 0.1 * int(version)
            rows["fct_model_evaluation"].append(
                {
                    **key,
                    "data_set": data_set,
                    "slice": part,
                    "metric": metric,
                    "value": value,
                    "low": value - 0.05,
                    "high": value + 0.04,
                    "identities": 292,
                    "note": "",
                    "evaluated_at": trained,
                }
            )
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    champion = {"hour": hour, "model_name": NAME, "model_version": "2", "entity_hours": 173}
    for feature, psi in DRIFTED:
        rows["fct_model_drift"].append(
            {**champion, "feature": feature, "psi": psi, "ks": 0.1, "unseen_ja4_share": None}
        )
    rows["fct_model_drift"].append(
        {**champion, "feature": "", "psi": None, "ks": None, "unseen_ja4_share": 0.04}
    )
    return rows
