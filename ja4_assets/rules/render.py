"""The SQL that evaluates the catalogue, rendered from it: one UInt8 column per rule, named by its id.

Only names that `rules.rule` has checked against the mart's columns enter the text; every bound and
every string is a query parameter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ja4_assets.rules.rule import (
    NUMBER_COLUMNS,
    AtLeast,
    AtMost,
    Condition,
    ContainsAny,
    Matches,
    Rule,
    ShareAtLeast,
)

PLACE_OF_RULES, PLACE_OF_CONDITION = "__RULES__", "__CONDITION__"
ALL = "true"
JOINED_COLUMNS = ("identity_state", "identity_method", "identity_detail", "watch_list")
"""What is known of a client besides its hour: newer than the mart, so it is joined when the rules are
asked."""
ASKED = ("fct_entity_hour", "dim_bot_identity", "dim_label", "watched_fingerprints")
"""What the query reads that a run builds: an asset that asks the rules comes after these."""
ENTITY_HOURS_WITH_RULES = """
select
    toDateTime64(entity.hour, 6, 'UTC') as hour,
    toString(entity.client_ip) as client_ip,
    toString(entity.ja4_stable) as ja4_stable,
    toString(entity.host) as host,
    toString(entity.user_agent) as user_agent,
    toString(entity.ua_family) as ua_family,
    toString(entity.ja4) as ja4,
    toString(entity.claimed_bot) as claimed_bot,
    toString(identity.state) as identity_state,
    toString(identity.method) as identity_method,
    toString(identity.detail) as identity_detail,
    multiIf(
        entity.ja4 = '', '',
        entity.ja4 in (
            select label.ja4
            from dim_label as label
            where
                label.is_active
                and label.scope = 'ja4'
                and label.label = 'bad_bot'
                and label.ja4 is not null
        ), 'analyst',
        entity.ja4 in (select watched.ja4 from watched_fingerprints as watched), 'reference',
        ''
    ) as watch_list,
    entity.is_sufficient as is_sufficient,
__RULES__
from fct_entity_hour as entity
left join dim_bot_identity as identity
    on entity.client_ip = identity.client_ip and entity.claimed_bot = identity.claimed
where
    entity.hour >= {start:DateTime64(6, 'UTC')}
    and entity.hour < {end:DateTime64(6, 'UTC')}
    and __CONDITION__
order by entity.hour, entity.client_ip, entity.ja4_stable, entity.host
"""
"""Grain: (hour, client_ip, ja4_stable, host). Then evidence as Float64, then one UInt8 per rule."""


@dataclass(slots=True)
class RenderedQuery:
    """A statement and the values to bind to it."""

    text: str = ""
    parameters: dict[str, object] = field(default_factory=dict)


def render(rules: Sequence[Rule], condition: str = ALL) -> RenderedQuery:
    """The query over one window; the caller adds the parameters `start` and `end`.

    `condition` is a constant of the caller: SQL on the mart's row, called `entity`, that narrows the window.
    """
    rendered = RenderedQuery()
    lines = ["    toFloat64(entity." + name + ") as " + name for name in evidence_numbers(rules)]
    for rule in rules:
        conditions = [_condition(condition, rendered.parameters) for condition in rule.all_of]
        lines.append("    " + " and ".join(conditions) + " as " + rule.id)
    text = ENTITY_HOURS_WITH_RULES.replace(PLACE_OF_RULES, ",\n".join(lines))
    rendered.text = text.replace(PLACE_OF_CONDITION, condition)
    return rendered


def evidence_numbers(rules: Sequence[Rule]) -> list[str]:
    """The numeric columns that rules keep as evidence, sorted."""
    return sorted({column for rule in rules for column in rule.evidence} & NUMBER_COLUMNS)


def _condition(condition: Condition, parameters: dict[str, object]) -> str:
    match condition:
        case AtLeast(column, bound):
            return "ifNull(entity." + column + " >= " + _bind(bound, parameters) + ", false)"
        case AtMost(column, bound):
            return "ifNull(entity." + column + " <= " + _bind(bound, parameters) + ", false)"
        case ShareAtLeast(part, whole, bound):
            product = "entity." + whole + " * " + _bind(bound, parameters)
            return "ifNull(entity." + whole + " > 0 and entity." + part + " >= " + product + ", false)"
        case ContainsAny(column, needles):
            return (
                "multiSearchAnyCaseInsensitiveUTF8(" + _text(column) + ", " + _bind(needles, parameters) + ")"
            )
        case Matches(column, pattern):
            return "match(" + _text(column) + ", " + _bind(pattern, parameters) + ")"


def _text(column: str) -> str:
    # What is joined to the mart stands under its own name in the same select.
    joined = column if column in JOINED_COLUMNS else "entity." + column
    return "ifNull(toString(" + joined + "), '')"


def _bind(value: float | str | tuple[str, ...], parameters: dict[str, object]) -> str:
    name = "p" + str(len(parameters))
    if isinstance(value, tuple):
        parameters[name] = list(value)
        return "{" + name + ":Array(String)}"
    if isinstance(value, str):
        parameters[name] = value
        return "{" + name + ":String}"
    parameters[name] = float(value)
    return "{" + name + ":Float64}"
