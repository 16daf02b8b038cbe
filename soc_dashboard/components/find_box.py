"""The search box of every page's header: an address, a JA4, a host, a network or a query."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import joined
from soc_dashboard.filters import MAX_TEXT
from soc_dashboard.search.fields import FIELDS

WORDS = "Address, JA4, host, AS number, campaign, or a query such as status:4xx host:shop.test"


def find_box(place: str) -> Markup:
    """A form that leads to `/find`; `place` tells its list of field names from that of another box.

    `static/scripts/find.js` sends it, with the range of the page.
    """
    offers = joined(
        [Markup('<option value="{}:">{}</option>').format(field.name, field.help) for field in FIELDS]
    )
    return Markup(
        '<form class="find" role="search" action="/find">{}<input type="search" name="q" maxlength="{}" '
        'placeholder="Find an address, JA4, host…" aria-label="Find: {}" title="{}" list="{}" '
        'autocomplete="off" spellcheck="false" enterkeyhint="search"><kbd aria-hidden="true">/</kbd>'
        '<datalist id="{}">{}</datalist></form>'
    ).format(icon("find"), MAX_TEXT, WORDS, WORDS, f"fields-{place}", f"fields-{place}", offers)
