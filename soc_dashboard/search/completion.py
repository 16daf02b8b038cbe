"""What the query box offers while a person types."""

from __future__ import annotations

from soc_dashboard.search.fields import FIELDS, Grain, Kind

MAX_OFFERS = 12
_EXAMPLES = {
    Kind.NUMBER: (">", "<"),
    Kind.STATUS: ("2xx", "3xx", "4xx", "5xx"),
}


def completions(text: str, grain: Grain) -> list[str]:
    """Whole queries that continue `text`: field names for its last word, then values of closed sets."""
    head, space, word = text.rpartition(" ")
    kept = head + space
    sign = "-" if word.startswith("-") else ""
    bare = word.removeprefix("-")
    name, colon, value = bare.partition(":")
    offers: list[str] = []
    for field in FIELDS:
        if not field.is_known(grain) and not (grain is Grain.REQUEST and field.entity):
            continue
        if not colon and field.name.startswith(name.lower()):
            offers.append(f"{kept}{sign}{field.name}:")
        elif colon and field.name == name.lower():
            known = field.choices or _EXAMPLES.get(field.kind, ())
            offers += [f"{kept}{sign}{field.name}:{choice}" for choice in known if choice.startswith(value)]
    return [offer for offer in offers if offer != text][:MAX_OFFERS]
