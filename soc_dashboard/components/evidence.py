"""Why an entity is where it is: its verdict, what that rests on, its hello and its newest requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.contributions import entity_reasons
from soc_dashboard.components.markup import ago, chip, joined, mono, number, score_text, text, utc_text
from soc_dashboard.feature_words import feature_label, feature_value
from soc_dashboard.registry import version_name
from soc_dashboard.store.rows import Entity, Fingerprint, RequestRow

MAX_EVIDENCE = 20


def evidence(entity: Entity, query: str, facts: Sequence[tuple[str, Markup]] = ()) -> Markup:
    """The verdict and what it rests on; `facts` are further lines, `query` is the time range for links."""
    return Markup('<div class="evidence">{}<h2 dir="ltr">{}</h2><p>{}</p>{}<dl>{}</dl>{}{}{}</div>').format(
        chip(entity.verdict),
        text(entity.client_ip),
        text(entity.reason or "No reason was recorded."),
        _pages(entity, query),
        joined(
            [
                Markup("<dt>{}</dt><dd>{}</dd>").format(name, value)
                for name, value in (*_facts(entity), *facts)
            ]
        ),
        _rested_on(entity.evidence),
        Markup("<h3>Why this score</h3>") if entity.top_features else "",
        entity_reasons(entity.top_features),
    )


def hello_facts(found: Fingerprint | None, now: datetime) -> Markup:
    """What the handshake says about its client; empty when there was none."""
    if found is None:
        return Markup("")
    claims = [
        label if claim else f"no {label}"
        for label, claim in (
            ("post-quantum group", found.has_pq_group),
            ("GREASE", found.has_grease),
            ("ECH", found.has_ech),
        )
        if claim is not None
    ]
    facts: list[tuple[str, Markup]] = [
        ("Known as", text(found.known_client or "not among the known clients", 120)),
        ("Offers", text(", ".join([version_name(found.tls_version), *found.alpn[:4]]), 120)),
        ("Signs", text(", ".join(claims) or "nothing recorded")),
        ("Variants", Markup("{} exact JA4").format(number(len(found.variants)))),
        ("First seen", ago(found.first_seen, now)),
    ]
    return Markup('<div class="evidence more"><h3>The hello</h3><dl>{}</dl></div>').format(
        joined([Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in facts])
    )


def newest_requests(rows: Sequence[RequestRow], link: str) -> Markup:
    """The entity's newest requests, and the way to all of them."""
    if not rows:
        return Markup(
            '<div class="evidence more"><h3>Newest requests</h3>'
            '<p class="muted">None is kept in this range.</p></div>'
        )
    lines = [
        Markup(
            '<tr><td class="num" title="{}">{}</td><td>{}</td><td class="mono">'
            '<div class="clip" title="{}">{}</div></td><td class="num">{}</td></tr>'
        ).format(
            utc_text(row.ts),
            row.ts.strftime("%H:%M:%S"),
            text(row.method, 16),
            text(row.path, 400),
            text(row.path, 120),
            row.status,
        )
        for row in rows
    ]
    return Markup(
        '<div class="evidence more"><h3>Newest requests</h3>'
        '<table class="plain tight"><tbody>{}</tbody></table>'
        '<a class="open" href="{}">All of its requests</a></div>'
    ).format(joined(lines), link)


def many_entities(keys: Sequence[tuple[str, str, str]], most: int = 12) -> Markup:
    """The entities that are about to be classified together."""
    shown = [
        Markup('<li dir="ltr">{} <span class="muted">{} · {}</span></li>').format(
            text(client_ip), text(ja4 or "no JA4", 40), text(host or "(no host)", 60)
        )
        for client_ip, ja4, host in keys[:most]
    ]
    more = len(keys) - len(shown)
    return Markup('<div class="evidence"><h2>{} selected</h2><ul class="keys">{}{}</ul></div>').format(
        number(len(keys)), joined(shown), Markup("<li>and {} more</li>").format(number(more)) if more else ""
    )


def _facts(entity: Entity) -> list[tuple[str, Markup]]:
    return [
        (
            "Decided by",
            Markup("{} {}").format(
                entity.verdict_source,
                mono(entity.verdict_source_id, copy=False) if entity.verdict_source_id else "",
            ),
        ),
        (
            "Score",
            Markup('{} <span class="muted">share of training scores below</span>').format(
                score_text(entity.score)
            ),
        ),
        ("Requests", Markup("{}").format(number(entity.requests))),
        ("Host", text(entity.host or "(no host)")),
        ("JA4", mono(entity.ja4_stable) if entity.ja4_stable else Markup("–")),
        ("User agent", text(entity.user_agent or "(none)")),
        ("Last seen", Markup("{}").format(utc_text(entity.last_ts))),
    ]


def _pages(entity: Entity, query: str) -> Markup:
    """Ways to the whole pages."""
    address = Markup('<a class="open" href="/ip/{}{}">Open the address</a>').format(
        quote(entity.client_ip, safe=""), query
    )
    if not entity.ja4_stable:
        return address + Markup(' <span class="muted">No handshake was seen for these requests.</span>')
    return (
        Markup('<a class="open" href="/ja4/{}{}">Open the JA4 page</a> ').format(
            quote(entity.ja4_stable, safe=""), query
        )
        + address
    )


def _rested_on(columns: Mapping[str, str]) -> Markup:
    """The columns that the rule or model went by, with their values; empty when none were recorded."""
    if not columns:
        return Markup("")
    lines = [
        Markup("<dt>{}</dt><dd>{}</dd>").format(text(feature_label(name), 80), text(_value(name, value), 200))
        for name, value in list(columns.items())[:MAX_EVIDENCE]
    ]
    return Markup("<h3>What this rests on</h3><dl>{}</dl>").format(joined(lines))


def _value(name: str, value: str) -> str:
    """A feature in its unit; other columns as they were recorded."""
    if feature_label(name) == name:
        return value
    try:
        return feature_value(name, float(value))
    except ValueError:
        return value
