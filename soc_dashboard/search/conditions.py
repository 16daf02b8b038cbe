"""Terms as SQL conditions: the text comes from constants, every value is bound."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from soc_dashboard.search.fields import BY_NAME, FIELDS, FREE_TEXT, Field, Grain, Kind
from soc_dashboard.search.terms import SearchError, Term

Value = str | int | float

NUMBER = re.compile(r"(?P<sign>>=|<=|>|<|)(?P<number>-?\d{1,15}(\.\d{1,15})?)\Z")
SPAN = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)\.\.(-?\d{1,15}(?:\.\d{1,15})?)\Z")
STATUS_CLASS = re.compile(r"([1-5])xx\Z", re.IGNORECASE)
COMPARISONS = {">=": ">=", "<=": "<=", ">": ">", "<": "<", "": "="}

ENTITY_OF_REQUEST = (
    "(hour, client_ip, ja4_stable, host) in (select hour, client_ip, ja4_stable, host from fct_entity_verdict"
    " where hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))"
    " and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') and "
)
"""Opens the condition that finds requests by what is known of their entity hour; closed by `)`."""

CLIENT_OF_KEY = (
    "client_ip in (select client_ip from fct_ip_hour"
    " where hour >= toStartOfHour(fromUnixTimestamp64Micro({since_us:Int64}, 'UTC'))"
    " and hour < fromUnixTimestamp64Micro({until_us:Int64}, 'UTC') and "
)
"""Opens the condition that finds entities by what is known of their address; closed by `)`."""
CLIENT_COLUMNS = ("asn", "asn_kind", "country")
MEMBER_OF_CAMPAIGN = (
    "(client_ip, ja4_stable, host) in (select client_ip, ja4_stable, host from fct_campaign_member where "
)
"""Opens the condition that finds what members of a campaign did; closed by `)`."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Conditions on one grain: `and (…) and (…)`, or empty; and the values they bind."""

    sql: str = ""
    parameters: dict[str, Value] = field(default_factory=dict)


NO_CONDITIONS = Conditions()


def conditions(terms: Sequence[Term], grain: Grain) -> Conditions:
    """Conditions of the terms. Terms of one field widen each other, fields and exclusions narrow.

    Raises SearchError for a field or value that the grain does not know.
    """
    binding = _Binding()
    wanted: dict[str, list[str]] = {}
    parts: list[str] = []
    for term in terms:
        condition = _condition(term, grain, binding)
        if term.is_excluded:
            parts.append(f"not ({condition})")
        elif not term.field:
            parts.append(f"({condition})")
        else:
            wanted.setdefault(term.field, []).append(condition)
    parts += [f"({' or '.join(alternatives)})" for alternatives in wanted.values()]
    return Conditions("".join(f" and {part}" for part in parts), binding.values)


class _Binding:
    """Names for bound values; the SQL gets the typed placeholder."""

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}

    def text(self, value: str) -> str:
        return self._bound(value, "String")

    def number(self, value: float) -> str:
        return self._bound(value, "Float64")

    def _bound(self, value: Value, kind: str) -> str:
        name = f"search_{len(self.values)}"
        self.values[name] = value
        return f"{{{name}:{kind}}}"


def _condition(term: Term, grain: Grain, binding: _Binding) -> str:
    if not term.field:
        pattern = binding.text(_like(term, is_contained=True))
        return " or ".join(f"ifNull({column} ilike {pattern}, 0)" for column in FREE_TEXT[grain])
    found = BY_NAME.get(term.field)
    if found is None:
        raise SearchError(f"there is no field `{term.field}`; fields are {', '.join(BY_NAME)}", term.position)
    if found.kind is Kind.CAMPAIGN:
        return f"{MEMBER_OF_CAMPAIGN}campaign_id = {binding.text(term.value)})"
    column = found.column(grain)
    if column is not None:
        return " or ".join(_comparisons(term, found, column, binding))
    if grain is Grain.REQUEST and found.entity is not None:
        return ENTITY_OF_REQUEST + f"({' or '.join(_comparisons(term, found, found.entity, binding))}))"
    if grain is Grain.KEY and found.entity in CLIENT_COLUMNS:
        return CLIENT_OF_KEY + f"({' or '.join(_comparisons(term, found, found.entity, binding))}))"
    raise SearchError(
        f"`{term.field}` cannot be searched here, only {_names(grain)}; the Requests page knows all",
        term.position,
    )


def _names(grain: Grain) -> str:
    return ", ".join(field.name for field in FIELDS if field.is_known(grain))


def _comparisons(term: Term, found: Field, column: str, binding: _Binding) -> Iterator[str]:
    if found.kind is Kind.TEXT and ("*" not in term.value or term.is_quoted):
        yield f"ifNull({column} = {binding.text(term.value)}, 0)"
    elif found.kind in (Kind.TEXT, Kind.PHRASE):
        pattern = binding.text(_like(term, is_contained=found.kind is Kind.PHRASE))
        yield f"ifNull({column} ilike {pattern}, 0)"
    elif found.kind is Kind.ADDRESS:
        first, last = _network(term)
        yield f"{column} between toIPv6({binding.text(first)}) and toIPv6({binding.text(last)})"
    elif found.kind is Kind.CHOICE:
        if term.value not in found.choices:
            raise SearchError(f"`{term.field}` is one of {', '.join(found.choices)}", term.position)
        yield f"{column} = {binding.text(term.value)}"
    else:
        yield f"ifNull({_number_comparison(term, found, column, binding)}, 0)"


def _number_comparison(term: Term, found: Field, column: str, binding: _Binding) -> str:
    status = STATUS_CLASS.match(term.value) if found.kind is Kind.STATUS else None
    if status:
        return f"intDiv({column}, 100) = {binding.number(int(status[1]))}"
    span = SPAN.match(term.value)
    if span:
        first, last = binding.number(float(span[1])), binding.number(float(span[2]))
        return f"{column} between {first} and {last}"
    number = NUMBER.match(term.value)
    if number is None:
        example = "`404`, `>=500`, `4xx`" if found.kind is Kind.STATUS else "`12`, `>0.8`, `1..5`"
        raise SearchError(f"`{term.field}` takes a number such as {example}", term.position)
    return f"{column} {COMPARISONS[number['sign']]} {binding.number(float(number['number']))}"


def _network(term: Term) -> tuple[str, str]:
    try:
        network = ipaddress.ip_network(term.value, strict=False)
    except ValueError:
        raise SearchError(
            f"`{term.field}` takes an address or a network such as 192.0.2.0/24", term.position
        ) from None
    prefix = "::ffff:" if network.version == 4 else ""
    return f"{prefix}{network[0]}", f"{prefix}{network[-1]}"


def _like(term: Term, is_contained: bool) -> str:
    """A LIKE pattern: `*` is anything unless quoted, LIKE's own signs are literal."""
    escaped = term.value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    pattern = escaped if term.is_quoted else escaped.replace("*", "%")
    return f"%{pattern}%" if is_contained else pattern
