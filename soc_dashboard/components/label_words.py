"""Labels in words: what one would touch, what was saved, and the list of those given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.markup import ago, chip, joined, number, text, utc_text
from soc_dashboard.components.states import asked_text
from soc_dashboard.store.campaign_rows import TouchedCampaign
from soc_dashboard.store.decision_log import GivenLabel
from soc_dashboard.store.labels import LabelPreview
from soc_dashboard.store.rows import LabelRow
from soc_dashboard.verdicts import BOTS, verdict_style


def preview(seen: LabelPreview, label: str, now: datetime, selected: int) -> Markup:
    """What the label would touch beside the `selected` entities, and the people among it."""
    if not seen.entities:
        touched = Markup("<p>Touches nothing {}; it holds for what comes.</p>").format(
            asked_text(seen.window)
        )
    else:
        others = max(seen.entities - selected, 0)
        touched = Markup("<p>Touches <b>{}</b> {} with <b>{}</b> requests {}{}:</p><p>{}</p>").format(
            number(seen.entities),
            "entity" if seen.entities == 1 else "entities",
            number(seen.requests),
            asked_text(seen.window),
            Markup(", <b>{}</b> beside what is selected").format(number(others)) if others else "",
            joined(
                [
                    Markup("{} {} ").format(chip(row.verdict), number(row.entities))
                    for row in sorted(seen.verdicts, key=lambda row: -row.entities)
                ]
            ),
        )
    return Markup('<div class="preview" role="status">{}{}{}</div>').format(
        touched,
        _people(seen) if label in BOTS else "",
        _campaigns(seen.campaigns) + _others(seen.labels, now),
    )


def selected_text(selected: int, most: int) -> Markup:
    """How many entities are ticked."""
    limit = Markup(' <span class="muted">(no more than {} at once)</span>').format(number(most))
    return Markup('<span class="bulk-count"><b>{}</b> selected{}</span>').format(
        number(selected), limit if selected >= most else ""
    )


def saved(given: Sequence[GivenLabel]) -> Markup:
    """The labels that were just written; at least one."""
    first = given[0]
    end = f"until {utc_text(first.expires_at)}" if first.expires_at else "without an end"
    return Markup('<div class="preview" role="status"><p>Saved: {} {} {} {}.</p></div>').format(
        _targets_text(given), "is" if len(given) == 1 else "are", chip(first.label), end
    )


def taken_back(given: Sequence[GivenLabel]) -> Markup:
    """The labels that were just revoked; at least one."""
    return Markup('<div class="preview" role="status"><p>Taken back: {} {} no longer {}.</p></div>').format(
        _targets_text(given), "is" if len(given) == 1 else "are", chip(given[0].label)
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


def _targets_text(given: Sequence[GivenLabel]) -> Markup:
    first = text(given[0].target.words())
    return first if len(given) == 1 else Markup("{} and {} more").format(first, number(len(given) - 1))


def _people(seen: LabelPreview) -> Markup:
    """People whom a label for bots would hit, by name; empty when there are none."""
    if not seen.people:
        return Markup("")
    names = [
        Markup("<li>{} on {}: {} requests{}</li>").format(
            text(row.client_ip),
            text(row.host or "(no host)", 80),
            number(row.requests),
            ", labelled human by an analyst" if row.is_labelled else "",
        )
        for row in seen.people
    ]
    labelled = (
        Markup(", <b>{}</b> by an analyst").format(number(seen.labelled_humans))
        if seen.labelled_humans
        else Markup("")
    )
    return Markup(
        '<div class="warning"><p><b>{}</b> of them {} judged human now{}:</p><ul>{}</ul></div>'
    ).format(number(seen.humans), "is" if seen.humans == 1 else "are", labelled, joined(names))


def _campaigns(campaigns: Sequence[TouchedCampaign]) -> Markup:
    """Campaigns that would be touched, each with its sentence; empty when there are none."""
    if not campaigns:
        return Markup("")
    whole = campaigns[0].total
    lines = [
        Markup('<li><a href="/cluster/{}">{}</a>: {} of its members. {}</li>').format(
            quote(row.campaign_id, safe=""),
            text(row.campaign_id, 40),
            number(row.entities),
            text(row.summary, 160),
        )
        for row in campaigns
    ]
    return Markup("<p>Touches {} {}:</p><ul>{}</ul>").format(
        number(whole), "campaign" if whole == 1 else "campaigns", joined(lines)
    )


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
