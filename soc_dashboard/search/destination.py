"""Where the header's search box leads: the page that what was typed is about."""

from __future__ import annotations

import re
from ipaddress import ip_network
from urllib.parse import quote, urlencode

from soc_dashboard.addresses import canonical_address
from soc_dashboard.search.terms import SearchError, Term, parse

JA4 = re.compile(r"[tqd]\d\d[di]\d{4}[0-9A-Za-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}\Z")
"""A JA4, version 0.18 of its specification: one letter for the transport, then `a_b_c`."""
JA4_START = re.compile(r"[tqd]\d\d[di]\d{4}[0-9A-Za-z]{2}(_[0-9a-f]{0,12}){0,2}\Z")
CAMPAIGN = re.compile(r"C[0-9a-f]{10}\Z")
ASN = re.compile(r"AS ?(\d{1,10})\Z", re.IGNORECASE)
HOST = re.compile(
    r"(?=.{4,253}\Z)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,62}\Z", re.IGNORECASE
)
FILE_ENDINGS = re.compile(
    r"\.(php|aspx?|jsp|cgi|html?|js|css|json|xml|txt|env|ini|sql|bak|ya?ml|png|jpg|gif|ico|svg)\Z",
    re.IGNORECASE,
)
"""What paths end with and no domain does: `wp-login.php` is looked for among requests."""
PAGE_OF_FIELD = {
    "ja4": "ja4",
    "ja4_stable": "ja4",
    "ip": "ip",
    "host": "host",
    "asn": "asn",
    "campaign": "cluster",
}


def destination(typed: str) -> str:
    """Path and query of the page for an address, a JA4, a host, a network, a campaign, or a query.

    What is none of them is searched for among requests, whose page also says what it did not understand.
    """
    text = " ".join(typed.replace("\0", "").split())
    if not text:
        return "/requests"
    return _maybe_subject(text) or _maybe_named(text) or _requests(text)


def _maybe_subject(text: str) -> str | None:
    """The page of one thing, by how it is written."""
    if JA4.match(text):
        return _page("ja4", text)
    if JA4_START.match(text):
        return f"/fingerprints?{urlencode({'q': text})}"
    if CAMPAIGN.match(text):
        return _page("cluster", text)
    network = ASN.match(text)
    if network:
        return _page("asn", network[1])
    try:
        return _page("ip", canonical_address(text.strip("[]")))
    except ValueError:
        pass
    if _is_network(text):
        return _requests(f"ip:{text}")
    if HOST.match(text) and not FILE_ENDINGS.search(text):
        return _page("host", text.lower())
    return None


def _maybe_named(text: str) -> str | None:
    """The page of the one thing that a query names, `host:shop.test`."""
    try:
        terms = parse(text)
    except SearchError:
        return None
    if len(terms) != 1 or not _is_exact(terms[0]):
        return None
    return _page(PAGE_OF_FIELD[terms[0].field], terms[0].value)


def _is_exact(term: Term) -> bool:
    """It names one thing that has a page."""
    if term.is_excluded or term.field not in PAGE_OF_FIELD or ("*" in term.value and not term.is_quoted):
        return False
    if term.field == "asn":
        return term.value.isascii() and term.value.isdigit()
    return term.field != "ip" or not _is_network(term.value) or "/" not in term.value


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _page(kind: str, value: str) -> str:
    return f"/{kind}/{quote(value, safe='')}"


def _requests(text: str) -> str:
    return f"/requests?{urlencode({'q': text})}"
