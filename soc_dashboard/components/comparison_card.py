"""Two hellos side by side: each line with a sign that says who has it."""

from __future__ import annotations

from urllib.parse import quote

from markupsafe import Markup

from soc_dashboard.components.markup import joined, mono, text
from soc_dashboard.hello_difference import Difference, Section, Side
from soc_dashboard.store.rows import Fingerprint

_WORDS = {
    Side.BOTH: "the same in both",
    Side.FIRST: "only A has it",
    Side.SECOND: "only B has it",
    Side.DIFFERENT: "different",
    Side.MOVED: "both have it, in another order",
}
_CLASSES = {
    Side.BOTH: "same",
    Side.FIRST: "first",
    Side.SECOND: "second",
    Side.DIFFERENT: "differs",
    Side.MOVED: "moved",
}
MAX_VALUE = 120


def titles(first: Fingerprint, second: Fingerprint, span: str) -> Markup:
    """Both names, each linked to its page."""
    return Markup('<div class="compared">{}{}</div>').format(
        _title("A", first, span), _title("B", second, span)
    )


def section(found: Section, is_differing_only: bool) -> Markup:
    """One list, with or without the lines that are the same."""
    lines = [
        _line(name, line) for name, line in found.lines if not is_differing_only or line.side is not Side.BOTH
    ]
    if not lines:
        words = "The same in both." if found.lines else "Neither has any."
        return Markup('<div class="empty">{}</div>').format(words)
    return Markup(
        '<div class="scroll"><table class="plain comparison"><thead><tr><th scope="col">'
        '<span class="visually-hidden">Line</span></th><th scope="col"><span class="visually-hidden">Who '
        'has it</span></th><th scope="col">A</th><th scope="col">B</th></tr></thead>'
        "<tbody>{}</tbody></table></div>"
    ).format(joined(lines))


def not_found(asked: str, side: str) -> Markup:
    """One of the two was never seen here."""
    return Markup(
        '<div class="empty" role="status"><strong>{} was never seen here</strong>{} '
        '<a href="/fingerprints">All fingerprints</a></div>'
    ).format(side, text(asked, 80) if asked else "Enter a JA4 above.")


def _title(side: str, fingerprint: Fingerprint, span: str) -> Markup:
    return Markup(
        '<div><span class="side">{}</span> <a href="/ja4/{}{}">{}</a> <span>{}</span></div>'
    ).format(
        side,
        quote(fingerprint.ja4_stable, safe=""),
        span,
        mono(fingerprint.ja4_stable, copy=False),
        text(fingerprint.known_client or "Not among the known clients", 80),
    )


def _line(name: str, line: Difference) -> Markup:
    return Markup(
        '<tr class="{}"><th scope="row">{}</th><td class="sign" title="{}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span></td><td>{}</td><td>{}</td></tr>'
    ).format(
        _CLASSES[line.side],
        name,
        _WORDS[line.side],
        line.side.value,
        _WORDS[line.side],
        _value(line.first),
        _value(line.second),
    )


def _value(value: str | None) -> Markup:
    return text(value, MAX_VALUE) if value else Markup('<span class="muted">–</span>')
