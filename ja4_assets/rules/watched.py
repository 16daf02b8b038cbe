"""Rules about fingerprints on a list."""

from __future__ import annotations

from ja4_assets.rules.rule import ContainsAny, Rule, Verdict

WATCHED_RULES: tuple[Rule, ...] = (
    Rule(
        id="R029",
        title="fingerprint that an analyst watches",
        reason="An analyst has labelled this exact JA4 as a bad bot's.",
        verdict=Verdict.BAD_BOT,
        weight=0.95,
        all_of=(ContainsAny("watch_list", ("analyst",)),),
        evidence=(
            "ja4",
            "watch_list",
            "user_agent",
        ),
    ),
    Rule(
        id="R030",
        title="fingerprint of a scanner",
        reason="The exact JA4 is that of a scanner as recorded, and of no other client on record.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.85,
        all_of=(ContainsAny("watch_list", ("reference",)),),
        evidence=(
            "ja4",
            "watch_list",
            "user_agent",
        ),
    ),
)
