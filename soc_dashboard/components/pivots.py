"""From a value to what else has it: search for it, leave it out, or open its page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote, urlencode

from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import visible
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.terms import Term, written

PAGE_OF_FIELD = {"ja4": "/ja4/", "ja4_stable": "/ja4/", "ip": "/ip/", "host": "/host/", "asn": "/asn/"}
"""Fields whose values have a page."""
FIELD_OF_COLUMN = {
    "client_ip": "ip",
    "ja4": "ja4",
    "ja4_stable": "ja4_stable",
    "host": "host",
    "method": "method",
    "path": "path",
    "status": "status",
    "protocol": "protocol",
    "user_agent": "ua",
    "join_state": "join",
    "sensor": "sensor",
    "asn": "asn",
    "country": "country",
    "verdict": "verdict",
}
"""Columns of tables whose values can be searched for, and the field of the query box."""


def pivot(field: str, value: str, shown: Markup, asked: Sequence[Term], span: str) -> Markup:
    """The shown value with its actions.

    `asked` are the terms of the search it was found with, kept beside the new one; `span` is the time range
    as a query (`?range=…` or empty). A value too long for a URL gets no search.
    """
    return Markup('<span class="pivot">{}<span class="pivot-actions">{}{}{}</span></span>').format(
        shown,
        _search(field, value, asked, span, is_excluded=False),
        _search(field, value, asked, span, is_excluded=True),
        _page(field, value, span),
    )


def search_link(terms: Sequence[Term], span: str) -> str:
    """Address of the Requests page for these terms."""
    query = urlencode({"q": written(list(terms))})
    return f"/requests{span}&{query}" if span else f"/requests?{query}"


def _search(field: str, value: str, asked: Sequence[Term], span: str, is_excluded: bool) -> Markup:
    term = Term(field, value, is_excluded, is_quoted="*" in value)
    kept = [other for other in asked if (other.field, other.value) != (field, value)]
    if not value or "\0" in value or len(written([*kept, term])) > MAX_TEXT:
        return Markup("")
    label = f"{'Without' if is_excluded else 'Only'} {field} {visible(value, 60)}"
    return Markup('<a class="icon-link" href="{}" title="{}" aria-label="{}">{}</a>').format(
        search_link([*kept, term], span), label, label, icon("exclude" if is_excluded else "include")
    )


def _page(field: str, value: str, span: str) -> Markup:
    prefix = PAGE_OF_FIELD.get(field)
    if prefix is None or not value:
        return Markup("")
    label = f"Open the page of {visible(value, 60)}"
    return Markup('<a class="icon-link" href="{}{}{}" title="{}" aria-label="{}">{}</a>').format(
        prefix, quote(value, safe=""), span, label, label, icon("open")
    )
