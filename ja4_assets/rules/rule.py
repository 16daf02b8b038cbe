"""What a rule is: a condition on columns of an entity hour, and what follows when it holds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ja4_assets.features.catalogue import MART_FEATURES

TEXT_COLUMNS = frozenset(
    {
        "user_agent",
        "ua_family",
        "ja4",
        "ja4_stable",
        "host",
        "claimed_bot",
        "identity_state",
        "identity_method",
        "identity_detail",
        "watch_list",
    }
)
COUNT_COLUMNS = frozenset(
    {
        "requests",
        "connections",
        "paths",
        "user_agents",
        "status_4xx",
        "status_5xx",
        "matched_requests",
        "pages",
        "page_gaps",
        "typed_pages",
        "login_attempts",
        "login_failures",
        "attack_requests",
        "disallowed_requests",
        "ua_engines",
        "hellos",
        "unused_hellos",
    }
)
SHARE_COLUMNS = frozenset(
    {"tcp_os_mismatch", "h2_ua_mismatch", "ch_missing", "ch_brand_false", "encoding_poor", "http10_share"}
)
"""Shares that rules read and no model does."""
RATIO_COLUMNS = frozenset({"page_gap_cv"})
"""Quotients that rules read and no model does."""
NUMBER_COLUMNS = COUNT_COLUMNS | SHARE_COLUMNS | RATIO_COLUMNS | {feature.name for feature in MART_FEATURES}
"""What a condition may name; anything else is refused when the rule is made."""


class Verdict(StrEnum):
    """What an entity hour is taken for; the values of `verdicts.verdict`."""

    HUMAN = "human"
    """A browser, behaving like one, that no rule and no model objects to."""
    GOOD_BOT = "good_bot"
    """Automation that says so and contradicts itself nowhere."""
    SUSPICIOUS = "suspicious"
    """Automation or an anomaly whose intent is not shown."""
    BAD_BOT = "bad_bot"
    """Automation that lies about itself or attacks."""
    UNKNOWN = "unknown"
    """Nothing to judge by."""


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A number is observed and not below a bound."""

    column: str
    bound: float

    def __post_init__(self) -> None:
        _require(self.column, NUMBER_COLUMNS)


@dataclass(frozen=True, slots=True)
class AtMost:
    """A number is observed and not above a bound."""

    column: str
    bound: float

    def __post_init__(self) -> None:
        _require(self.column, NUMBER_COLUMNS)


@dataclass(frozen=True, slots=True)
class ShareAtLeast:
    """One count as a share of another is not below a bound; never holds when the whole is 0."""

    part: str
    whole: str
    bound: float

    def __post_init__(self) -> None:
        _require(self.part, COUNT_COLUMNS)
        _require(self.whole, COUNT_COLUMNS)


@dataclass(frozen=True, slots=True)
class ContainsAny:
    """A text holds one of some strings, in any case."""

    column: str
    needles: tuple[str, ...]

    def __post_init__(self) -> None:
        _require(self.column, TEXT_COLUMNS)
        if not self.needles or not all(self.needles):
            raise ValueError(f"a condition on {self.column} needs strings to look for")


@dataclass(frozen=True, slots=True)
class Matches:
    """A text matches a pattern (RE2) somewhere."""

    column: str
    pattern: str

    def __post_init__(self) -> None:
        _require(self.column, TEXT_COLUMNS)
        if not self.pattern:
            raise ValueError(f"a condition on {self.column} needs a pattern")


Condition = AtLeast | AtMost | ShareAtLeast | ContainsAny | Matches


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason to judge an entity hour, under an id that is never given to another rule."""

    id: str
    title: str
    reason: str
    """A sentence for the analyst, true whenever the rule fires."""
    verdict: Verdict
    weight: float
    """Belief that an entity is automated given this rule alone, over 0 and under 1; set by judgement."""
    all_of: tuple[Condition, ...]
    """Every condition must hold; one on an unobserved value does not."""
    evidence: tuple[str, ...]
    """Columns of the mart whose values are kept with the verdict."""
    is_admission: bool = False
    """The client says it of itself. That is no deceit, and beside one other suspicious rule no bad bot."""
    is_supporting: bool = False
    """People have it too, for reasons of their own: it counts beside another rule against, never alone."""
    is_about_identity: bool = False
    """It proves who the client is, or that it is not who it says: it decides before every other rule."""

    def __post_init__(self) -> None:
        if not 0.0 < self.weight < 1.0:
            raise ValueError(f"{self.id}: the weight must lie between 0 and 1")
        if not self.all_of:
            raise ValueError(f"{self.id}: a rule without a condition would always fire")
        if not self.evidence:
            raise ValueError(f"{self.id}: a rule must keep evidence")
        for column in self.evidence:
            _require(column, NUMBER_COLUMNS | TEXT_COLUMNS)


def _require(column: str, allowed: frozenset[str]) -> None:
    if column not in allowed:
        raise ValueError(f"{column} is not a column that this condition can read")
