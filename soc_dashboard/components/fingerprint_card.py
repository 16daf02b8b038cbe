"""What a fingerprint is: its title, its decoded lists and the clients it claims to be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from markupsafe import Markup, escape

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import ago, joined, mono, number, text, visible
from soc_dashboard.components.states import asked_text, empty
from soc_dashboard.decoded_hello import CodePoint, maybe_prefix
from soc_dashboard.feature_words import feature_label
from soc_dashboard.hello_message import HelloMessage, kept_lists, maybe_message
from soc_dashboard.registry import version_name
from soc_dashboard.store.rows import ClaimedClient, Fingerprint
from soc_dashboard.window import Window

MAX_VARIANTS = 40
MAX_OCTET_LINES = 512
_TAG = Markup('<span class="tag">{}</span>')
_NONE_FOUND = Markup('<span class="muted">none found</span>')


def title(asked: str, fingerprint: Fingerprint, query: str, now: datetime) -> Markup:
    """Name, known client, the facts in one line, and the exact variants behind it."""
    known = (
        Markup('<span class="known">{}{} · known</span>').format(
            icon("fingerprints"), text(fingerprint.known_client, 80)
        )
        if fingerprint.known_client
        else Markup('<span class="known muted">Not among the known clients</span>')
    )
    is_exact = asked != fingerprint.ja4_stable
    note = (
        Markup(
            '<div class="facts"><span>Shown for its stable form, <a href="/ja4/{}{}">{}</a></span></div>'
        ).format(quote(fingerprint.ja4_stable, safe=""), query, mono(fingerprint.ja4_stable, copy=False))
        if is_exact
        else Markup("")
    )
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1><span>{}</span>{}</div>{}<div class="facts">{}</div>{}'
    ).format(
        text(asked, 80),
        Markup(
            '<button class="copy copied" data-copy="{}" title="Copy" aria-label="Copy">{}</button>'
        ).format(visible(asked), icon("copy")),
        known + _compare(fingerprint, query),
        note,
        joined([Markup("<span>{}</span>").format(fact) for fact in _facts(fingerprint, now)]),
        _variants(asked, fingerprint, query),
    )


def _compare(fingerprint: Fingerprint, query: str) -> Markup:
    joint = "&" if query else "?"
    return Markup('<a class="to-compare" href="/compare{}{}a={}">Compare</a>').format(
        query, joint, quote(fingerprint.ja4_stable, safe="")
    )


def not_found(asked: str) -> Markup:
    """The page of a fingerprint that was never seen."""
    prefix = maybe_prefix(asked)
    reading = (
        f"By its form it is {prefix.version} over {prefix.transport} with {prefix.cipher_count} ciphers and "
        f"{prefix.extension_count} extensions."
        if prefix
        else "It does not have the form of a JA4."
    )
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1></div><div class="empty" role="status">'
        '<strong>This fingerprint was never seen here</strong>{} <a href="/fingerprints">All '
        "fingerprints</a></div>"
    ).format(text(asked, 80), reading)


def claims(rows: Sequence[ClaimedClient], window: Window) -> Markup:
    """User agents seen with this fingerprint, and what contradicts each."""
    if not rows:
        return empty("No requests in this range", asked_text(window), "Widen the range to see more.")
    lines = [
        Markup(
            '<tr><td><div class="clip" title="{}">{}</div></td><td class="num">{}</td>'
            '<td class="num">{}</td><td>{}</td></tr>'
        ).format(
            visible(row.user_agent),
            text(row.user_agent or "(none)", 200),
            number(row.requests),
            number(row.clients),
            joined(
                [
                    Markup('<span class="tag">{}</span>').format(feature_label(name))
                    for name in row.contradictions
                ]
            )
            or Markup('<span class="muted">none found</span>'),
        )
        for row in rows
    ]
    return Markup(
        '<div class="scroll"><table class="plain"><thead><tr><th>User agent</th><th class="num">Requests</th>'
        '<th class="num">Clients</th><th>Contradicted by</th></tr></thead><tbody>{}</tbody></table></div>'
    ).format(joined(lines))


def hello(fingerprint: Fingerprint) -> Markup:
    """What the client lists, by name, and the raw forms."""
    is_wire_order, lists = kept_lists(fingerprint.hello_skeleton, fingerprint.ja4_r)
    source = (
        "The latest message as it was sent, in wire order"
        if is_wire_order
        else "Decoded from JA4_r: sorted, without GREASE, SNI and ALPN; its message is not kept"
    )
    shown = (
        Markup('<p class="source">{}</p><div class="codes">{}</div>').format(
            source, joined([_code_list(each.name, each.codes) for each in lists])
        )
        if lists
        else Markup(
            '<div class="empty">Neither message nor JA4_r was kept of this fingerprint, so its lists are '
            "unknown.</div>"
        )
    )
    ja3_note = (
        f"one of {number(fingerprint.ja3_hashes)}: this client changes its extension order"
        if fingerprint.ja3_hashes > 1
        else ""
    )
    raw: list[tuple[str, Markup]] = [
        ("JA4_r", mono(fingerprint.ja4_r, 400) if fingerprint.ja4_r else Markup("–")),
        ("JA4_o", mono(fingerprint.ja4_o) if fingerprint.ja4_o else Markup("–")),
        (
            "JA3",
            mono(fingerprint.ja3_hash) + Markup(' <span class="muted">{}</span>').format(ja3_note)
            if fingerprint.ja3_hash
            else Markup("–"),
        ),
        ("TCP SYN", mono(fingerprint.tcp_signature) if fingerprint.tcp_signature else Markup("–")),
        ("ALPN offered", text(", ".join(fingerprint.alpn) or "none")),
    ]
    return (
        shown
        + Markup('<dl class="raw">{}</dl>').format(
            joined([Markup("<dt>{}</dt><dd>{}</dd>").format(name, value) for name, value in raw])
        )
        + _octets(maybe_message(fingerprint.hello_skeleton))
    )


def _octets(message: HelloMessage | None) -> Markup:
    """The message in hexadecimal, sixteen octets a line behind their offset."""
    if message is None:
        return Markup("")
    octets = message.octets
    lines = [f"{start:04x}  {octets[start : start + 16].hex(' ')}" for start in range(0, len(octets), 16)]
    return Markup(
        '<details class="octets"><summary>{} octets of the message ▸</summary>'
        '<pre tabindex="0">{}</pre></details>'
    ).format(number(len(octets)), "\n".join(lines[:MAX_OCTET_LINES]))


def _facts(fingerprint: Fingerprint, now: datetime) -> list[Markup]:
    prefix = maybe_prefix(fingerprint.ja4_stable)
    facts = [Markup("<b>{}</b>").format(version_name(fingerprint.tls_version))]
    if prefix:
        facts += [
            Markup("over {}").format(prefix.transport),
            escape("SNI" if prefix.sni_present else "no SNI"),
            Markup("{} ciphers").format(prefix.cipher_count),
            Markup("{} extensions").format(prefix.extension_count),
        ]
    facts.append(Markup("ALPN {}").format(text(fingerprint.alpn[0], 40) if fingerprint.alpn else "none"))
    facts += [
        escape(label if claim else f"no {label}")
        for label, claim in (
            ("post-quantum group", fingerprint.has_pq_group),
            ("GREASE", fingerprint.has_grease),
            ("ECH", fingerprint.has_ech),
        )
        if claim is not None
    ]
    if fingerprint.hello_len is not None:
        facts.append(
            Markup("{} B in {} segment{}").format(
                number(fingerprint.hello_len),
                fingerprint.segments or "?",
                "" if fingerprint.segments == 1 else "s",
            )
        )
    facts.append(Markup("first seen {}").format(ago(fingerprint.first_seen, now)))
    facts.append(Markup("last seen {}").format(ago(fingerprint.last_seen, now)))
    return facts


def _variants(asked: str, fingerprint: Fingerprint, query: str) -> Markup:
    shown = fingerprint.variants[:MAX_VARIANTS]
    links = [
        Markup('<div><a href="/ja4/{}{}">{}</a>{}</div>').format(
            quote(variant, safe=""),
            query,
            mono(variant, copy=False),
            Markup(' <span class="muted">this one</span>') if variant == asked else "",
        )
        for variant in shown
    ]
    more = len(fingerprint.variants) - len(shown)
    return Markup(
        "<details><summary>{} exact variant{} ▸</summary><div class=variants>{}{}</div></details>"
    ).format(
        number(len(fingerprint.variants)),
        "" if len(fingerprint.variants) == 1 else "s",
        joined(links),
        Markup("<div>and {} more</div>").format(more) if more > 0 else "",
    )


def _code_list(name: str, codes: tuple[CodePoint, ...]) -> Markup:
    items = [
        Markup('<li><span class="mono">{}</span><span title="{}">{}</span></li>').format(
            code.hex, code.name or "not registered", code.name or "not registered"
        )
        for code in codes
    ]
    return Markup("<div><h3>{} · {}</h3><ol>{}</ol></div>").format(name, len(codes), joined(items))
