"""Rows of `model_versions`: what the registry holds, written down where the analyst can see it.

The registry is the authority: whoever moves an alias there, by a promotion or by hand, is followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

VERSIONS_ON_RECORD = """
select toString(model_version) as model_version, toString(argMax(alias, changed_at)) as alias
from model_versions
where model_name = {model_name:String}
group by model_version
"""

MOVED_BY_HAND = "The alias was moved in the registry."

VERSIONS_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "model_name": pl.String,
    "model_version": pl.String,
    "alias": pl.String,
    "run_id": pl.String,
    "trained_at": pl.Datetime("us", "UTC"),
    "window_start": pl.Datetime("us", "UTC"),
    "window_end": pl.Datetime("us", "UTC"),
    "training_rows": pl.UInt64,
    "features": pl.List(pl.String),
    "code_version": pl.String,
    "seed": pl.UInt64,
    "reason": pl.String,
    "changed_at": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What never changes of a version."""

    model_name: str
    model_version: str
    run_id: str
    trained_at: datetime
    window_start: datetime
    window_end: datetime
    training_rows: int
    features: tuple[str, ...]
    code_version: str
    seed: int


def changed_versions(
    on_record: pl.DataFrame, aliases: Mapping[str, str], versions: Sequence[str]
) -> dict[str, str]:
    """Version -> alias it has now, for those that are new or have another alias than on record.

    `on_record`: model_version, alias. `aliases`: alias -> version. A version that has both aliases is
    champion.
    """
    now = dict.fromkeys(versions, "") | {aliases[name]: name for name in sorted(aliases, reverse=True)}
    before = dict(on_record.select("model_version", "alias").iter_rows())
    return {version: alias for version, alias in now.items() if before.get(version) != alias}


def version_rows(
    facts: Sequence[VersionFacts],
    changed: Mapping[str, str],
    reasons: Mapping[str, str],
    changed_at: datetime,
) -> pl.DataFrame:
    """Rows of VERSIONS_SCHEMA, one per changed version; `reasons` by version, MOVED_BY_HAND where there is
    none."""
    rows = [
        {
            "model_name": fact.model_name,
            "model_version": fact.model_version,
            "alias": changed[fact.model_version],
            "run_id": fact.run_id,
            "trained_at": fact.trained_at,
            "window_start": fact.window_start,
            "window_end": fact.window_end,
            "training_rows": fact.training_rows,
            "features": list(fact.features),
            "code_version": fact.code_version,
            "seed": fact.seed,
            "reason": reasons.get(fact.model_version, MOVED_BY_HAND),
            "changed_at": changed_at,
        }
        for fact in facts
    ]
    return pl.DataFrame(rows, VERSIONS_SCHEMA)
