"""Labels in words: what one would touch, what was saved, and the list of those given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from markupsafe import Markup

from soc_dashboard.components.markup import ago, chip, joined, number, text, utc_text
from soc_dashboard.components.states import asked_text
from soc_dashboard.store.decision_log import GivenLabel
from soc_dashboard.store.labels import LabelPreview
from soc_dashboard.store.rows import LabelRow
from soc_dashboard.verdicts import verdict_style


def preview(seen: LabelPreview, label: str, now: datetime) -> Markup:
    """What the label would touch, and the people among it when the label would call them bots."""
    if not seen.entities:
        touched = Markup("<p>Touches nothing {}; it holds for what comes.</p>").format(
            asked_text(seen.window)
        )
    else:
        touched = Markup("<p>Touches <b>{}</b> {} with <b>{}</b> requests {}:</p><p>{}</p>").format(
            number(seen.entities),
            "entity" if seen.entities == 1 else "entities",
            number(seen.requests),
            asked_text(seen.window),
            joined(
                [
                    Markup("{} {} ").format(chip(row.verdict), number(row.entities))
                    for row in sorted(seen.verdicts, key=lambda row: -row.entities)
                ]
            ),
        )
    warning = (
        Markup('<p class="warning"><b>{}</b> of them {} judged human now.</p>').format(
            number(seen.humans), "is" if seen.humans == 1 else "are"
        )
        if seen.humans and label in ("bad_bot", "good_bot")
        else Markup("")
    )
    return Markup('<div class="preview" role="status">{}{}{}</div>').format(
        touched, warning, _others(seen.labels, now)
    )


def saved(given: GivenLabel) -> Markup:
    """The label that was just written."""
    end = f"until {utc_text(given.expires_at)}" if given.expires_at else "without an end"
    return Markup('<div class="preview" role="status"><p>Saved: {} is {} {}.</p></div>').format(
        text(given.target.words()), chip(given.label), end
    )


def taken_back(given: GivenLabel) -> Markup:
    """The label that was just revoked."""
    return Markup('<div class="preview" role="status"><p>Taken back: {} is no longer {}.</p></div>').format(
        text(given.target.words()), chip(given.label)
    )


def refused(reason: str) -> Markup:
    """A label that was not written, and why."""
    return Markup('<div class="preview" role="alert"><p class="warning">Not saved: {}.</p></div>').format(
        text(reason)
    )


def target_text(row: LabelRow) -> str:
    """What a stored label is about."""
    parts = [part for part in (row.client_ip, row.ja4, row.host) if part]
    return " · ".join(parts) or "(nothing)"


def state_text(row: LabelRow, now: datetime) -> str:
    """Whether a stored label holds."""
    if row.is_revoked:
        return "taken back"
    if not row.is_active:
        return "ended"
    if row.expires_at is None:
        return "holds"
    days = (row.expires_at - now).days
    return f"holds, {days} d left" if days else "holds, ends today"


def _others(labels: Sequence[LabelRow], now: datetime) -> Markup:
    if not labels:
        return Markup("")
    lines = [
        Markup("<li>{} by {}, {}{}</li>").format(
            verdict_style(row.label).label,
            text(row.user, 60),
            ago(row.labelled_at, now),
            Markup(": {}").format(text(row.note, 120)) if row.note else "",
        )
        for row in labels
    ]
    return Markup("<p>Labels that hold here already:</p><ul>{}</ul>").format(joined(lines))
