"""The query box's grammar: `ja4:t13d* status:>=500 -verdict:human "free text"`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

MAX_QUERY = 1000
"""Longest query; what a person types is far below, what a URL carries must end somewhere."""
MAX_TERMS = 32
NO_FIELD = ""
QUOTE = '"'


class SearchError(ValueError):
    """A query that cannot be understood. `position` counts characters from 0; the message is for a person."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True)
class Term:
    """One condition. Without a field it is free text; `is_quoted` values take `*` literally."""

    field: str
    value: str
    is_excluded: bool = False
    is_quoted: bool = False
    position: int = 0


def parse(text: str) -> tuple[Term, ...]:
    """Terms of a query, in order. Raises SearchError with the place of the first mistake.

    Terms are separated by spaces. A leading `-` excludes. A value in double quotes may hold spaces;
    inside, a backslash keeps the next character.
    """
    if len(text) > MAX_QUERY:
        raise SearchError(f"the query is longer than {MAX_QUERY} characters", MAX_QUERY)
    if "\0" in text:
        raise SearchError("the query holds a NUL character", text.index("\0"))
    terms = tuple(_terms(text))
    if len(terms) > MAX_TERMS:
        raise SearchError(f"the query has more than {MAX_TERMS} terms", terms[MAX_TERMS].position)
    return terms


def written(terms: tuple[Term, ...] | list[Term]) -> str:
    """Text that parses to these terms."""
    return " ".join(map(_written, terms))


def narrowed(query: str, added: str) -> str:
    """The query with further terms; what it said about the same values gives way. Raises SearchError."""
    further = parse(added)
    values = {(term.field, term.value) for term in further}
    kept = [term for term in parse(query) if (term.field, term.value) not in values]
    return written([*kept, *further])


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        start = at
        is_excluded = text[at] == "-" and at + 1 < len(text) and not text[at + 1].isspace()
        at += is_excluded
        colon = _field_end(text, at)
        field = text[at:colon].lower() if colon is not None else NO_FIELD
        at = colon + 1 if colon is not None else at
        is_quoted = at < len(text) and text[at] == QUOTE
        value, at = _quoted(text, at) if is_quoted else _bare(text, at)
        if not value:
            raise SearchError(f"a value must follow `{field}:`" if field else "empty quotes", start)
        yield Term(field, value, is_excluded, is_quoted, start)


def _field_end(text: str, at: int) -> int | None:
    """Place of the colon that ends a field's name; None when the term has none."""
    end = at
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return end if at < end < len(text) and text[end] == ":" and text[at].isalpha() else None


def _bare(text: str, at: int) -> tuple[str, int]:
    end = at
    while end < len(text) and not text[end].isspace():
        end += 1
    return text[at:end], end


def _quoted(text: str, at: int) -> tuple[str, int]:
    kept: list[str] = []
    place = at + 1
    while place < len(text):
        if text[place] == "\\" and place + 1 < len(text):
            kept.append(text[place + 1])
            place += 2
        elif text[place] == QUOTE:
            return "".join(kept), place + 1
        else:
            kept.append(text[place])
            place += 1
    raise SearchError("this quote is not closed", at)


def _written(term: Term) -> str:
    prefix = f"{'-' if term.is_excluded else ''}{term.field}{':' if term.field else ''}"
    needs_quotes = (
        term.is_quoted
        or any(char.isspace() for char in term.value)
        or term.value.startswith((QUOTE, "-"))
        or (not term.field and _field_end(term.value, 0) is not None)
    )
    if not needs_quotes:
        return prefix + term.value
    escaped = term.value.replace("\\", "\\\\").replace(QUOTE, f"\\{QUOTE}")
    return f"{prefix}{QUOTE}{escaped}{QUOTE}"
