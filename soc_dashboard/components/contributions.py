"""Why a score is what it is: one bar per feature, with its value against the norm in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from soc_dashboard.components.markup import joined, number
from soc_dashboard.components.states import asked_text, empty
from soc_dashboard.feature_words import feature_label, feature_sentence
from soc_dashboard.store.rows import Contribution, FeatureReason
from soc_dashboard.window import Window


def fingerprint_reasons(rows: Sequence[FeatureReason], window: Window) -> Markup:
    """The strongest contributions to the scores of a fingerprint."""
    if not rows:
        return empty(
            "No scores in this range", asked_text(window), "Hours with at least five requests are scored."
        )
    strongest = max(row.contribution for row in rows)
    return _bars(
        [
            _bar(
                row.name,
                row.value,
                row.norm,
                row.contribution,
                strongest,
                f"in {number(row.entity_hours)} of {number(row.scored_entity_hours)} scored hours",
            )
            for row in rows
        ]
    )


def entity_reasons(rows: Sequence[Contribution]) -> Markup:
    """The strongest contributions to the score of one entity; empty when it was not scored."""
    if not rows:
        return Markup("")
    strongest = max(row.contribution for row in rows)
    return _bars([_bar(row.name, row.value, row.norm, row.contribution, strongest, "") for row in rows[:5]])


def _bars(bars: list[Markup]) -> Markup:
    return Markup('<div class="bars">{}</div>').format(joined(bars))


def _bar(
    name: str, value: float | None, norm: float | None, contribution: float, strongest: float, note: str
) -> Markup:
    width = max(contribution, 0) / strongest * 100 if strongest > 0 else 0
    return Markup(
        '<div class="bar-row"><span class="name">{}</span><span class="figure">{}</span>'
        '<span class="track"><i class="accent" style="width:{:.1f}%"></i></span>'
        '<span class="sentence">{}</span></div>'
    ).format(feature_label(name), note, width, feature_sentence(name, value, norm))
