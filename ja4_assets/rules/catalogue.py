"""The catalogue of rules. An id is permanent: a retired rule leaves it unused.

Weights are judgements, to be replaced by measured precision; they only order the rules and combine. That of
a rule against an entity stays above what a model's score alone amounts to (`rules.suspicion`)."""

from __future__ import annotations

from ja4_assets.rules.behaviour import BEHAVIOUR_RULES
from ja4_assets.rules.contradictions import CONTRADICTIONS_RULES
from ja4_assets.rules.declared import DECLARED_RULES
from ja4_assets.rules.rule import Rule
from ja4_assets.rules.watched import WATCHED_RULES

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (*DECLARED_RULES, *CONTRADICTIONS_RULES, *BEHAVIOUR_RULES, *WATCHED_RULES), key=lambda rule: rule.id
    )
)

RULES_BY_ID: dict[str, Rule] = {rule.id: rule for rule in RULES}
