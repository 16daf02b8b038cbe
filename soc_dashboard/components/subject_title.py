"""Title lines of pages about an address or a host."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import text, visible


def subject_title(name: str, kind: str) -> Markup:
    """The subject's name, to copy, and what kind of thing it is."""
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1><span><button class="copy copied" data-copy="{}" '
        'title="Copy" aria-label="Copy">{}</button></span><span class="known muted">{}</span></div>'
    ).format(text(name, 120), visible(name), icon("copy"), kind)


def not_an_address(asked: str) -> Markup:
    """The page of something that is not an address."""
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1></div><div class="empty" role="status">'
        "<strong>This is not an IP address</strong>An address has the form 192.0.2.7 or 2001:db8::7. "
        '<a href="/requests">All requests</a></div>'
    ).format(text(asked, 80))


def not_a_network(asked: str) -> Markup:
    """The page of something that is not the number of a network."""
    return Markup(
        '<div class="title"><h1 dir="ltr">{}</h1></div><div class="empty" role="status">'
        "<strong>This is not the number of a network</strong>A network has a number such as 64500. "
        '<a href="/requests">All requests</a></div>'
    ).format(text(asked, 80))
