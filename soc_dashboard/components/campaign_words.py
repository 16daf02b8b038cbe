"""Campaigns as a table, and the name, sentence and life of one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import ago, ago_text, joined, number, span_text, text, utc_text, visible
from soc_dashboard.components.subject_title import subject_title
from soc_dashboard.store.campaign_rows import Campaign, CampaignEvent

SENTENCE = 300
CAMPAIGN_COLUMNS = [
    "status",
    "campaign_id",
    "summary",
    "entities",
    "client_ips",
    "ja4s",
    "asns",
    "hosts",
    "requests_inside",
    "first_seen",
    "last_seen",
]
STATUS_WORDS = {"born": "New", "alive": "Active", "merged": "Merged", "ended": "Ended"}


def campaign_frame(rows: Sequence[Campaign], now: datetime, query: str) -> pd.DataFrame:
    """Columns CAMPAIGN_COLUMNS; `status` and `summary` are markup of our own, the rest text or a number.

    `query` is the time range for the links.
    """
    return pd.DataFrame(
        [
            (
                str(status_chip(row.status)),
                visible(row.campaign_id, 64),
                str(_sentence_link(row, query)),
                row.entities,
                row.client_ips,
                row.ja4s,
                row.asns,
                row.hosts,
                row.requests_inside,
                ago_text(row.first_seen, now),
                ago_text(row.last_seen, now),
            )
            for row in rows
        ],
        columns=CAMPAIGN_COLUMNS,
    )


def _sentence_link(row: Campaign, query: str) -> Markup:
    return Markup('<a href="/cluster/{}{}" title="{}">{}</a>').format(
        quote(row.campaign_id, safe=""),
        query,
        visible(row.summary, 600),
        text(row.summary or "No summary was written.", SENTENCE),
    )


def status_chip(status: str) -> Markup:
    """Where a campaign is in its life, by word and tone."""
    known = status if status in STATUS_WORDS else "ended"
    return Markup('<span class="status {}">{}</span>').format(known, STATUS_WORDS.get(status, "Unknown"))


def campaign_title(campaign: Campaign, now: datetime, query: str) -> Markup:
    """Name, sentence and facts."""
    facts = [
        status_chip(campaign.status),
        Markup("<b>{}</b> members").format(number(campaign.entities)),
        Markup("{} clients").format(number(campaign.client_ips)),
        Markup("{} JA4").format(number(campaign.ja4s)),
        Markup("{} networks").format(number(campaign.asns)),
        Markup("{} hosts").format(number(campaign.hosts)),
        Markup("{} requests in {} h of its life").format(number(campaign.requests), number(campaign.hours)),
        Markup("first seen {}").format(ago(campaign.first_seen, now)),
        Markup("last seen {}").format(ago(campaign.last_seen, now)),
    ]
    if campaign.merged_into:
        facts.append(
            Markup('merged into <a href="/cluster/{}{}">{}</a>').format(
                quote(campaign.merged_into, safe=""), query, text(campaign.merged_into, 64)
            )
        )
    return (
        subject_title(campaign.campaign_id, "Campaign")
        + Markup('<p class="summary">{}</p>').format(text(campaign.summary or "No summary was written."))
        + Markup('<div class="facts">{}</div>').format(
            joined([Markup("<span>{}</span>").format(fact) for fact in facts])
        )
    )


def campaign_not_found(asked: str) -> Markup:
    """The page of a campaign that was never found."""
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1></div><div class="empty" role="status">'
        "<strong>There is no such campaign</strong>It may be older than the marts keep. "
        '<a href="/campaigns">All campaigns</a></div>'
    ).format(text(asked, 80))


def campaign_life(campaign: Campaign, events: Sequence[CampaignEvent], query: str) -> Markup:
    """Birth, mergers and end, oldest first, and how long it has lived."""
    lines = [_event(campaign, event, query) for event in events]
    lived = span_text(campaign.last_seen - campaign.first_seen)
    note = Markup('<p class="note">Seen over {}; judged last {}.</p>').format(
        lived, utc_text(campaign.computed_at)
    )
    return Markup('<div class="life"><ol>{}</ol>{}</div>').format(joined(lines), note)


def _event(campaign: Campaign, event: CampaignEvent, query: str) -> Markup:
    if event.campaign_id != campaign.campaign_id:
        words = Markup("{} <a href='/cluster/{}{}'>{}</a> merged into it").format(
            icon("campaigns"), quote(event.campaign_id, safe=""), query, text(event.campaign_id, 64)
        )
    elif event.status == "merged" and event.merged_into:
        words = Markup("merged into <a href='/cluster/{}{}'>{}</a>").format(
            quote(event.merged_into, safe=""), query, text(event.merged_into, 64)
        )
    else:
        words = Markup("{}").format({"born": "was born", "ended": "ended"}.get(event.status, event.status))
    return Markup("<li><time>{}</time> {}</li>").format(event.hour.strftime("%d %b %H:00 UTC"), words)
