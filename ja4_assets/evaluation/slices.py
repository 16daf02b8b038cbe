"""The parts of the traffic that are measured apart."""

from __future__ import annotations

HONEST = "honest_bot"

BOT_TIERS = (
    HONEST,
    "spoofed_agent",
    "scanner",
    "tls_impersonator",
    "automated_browser",
    "low_and_slow",
    "credential_stuffing",
    "distributed",
)
"""Tiers of the truth that an alarm about is right."""

PEOPLE_TIERS = (
    "first_visit",
    "returning",
    "mobile",
    "shared_address",
    "rss_reader",
    "uptime_monitor",
    "human",
)
"""Tiers of the truth that an alarm about is false; `human` are the amplified people."""

ALL = "all"
WITHOUT_HONEST = "without_honest"
OBSERVED_PEOPLE = "observed_people"
"""The people of the truth who were not amplified."""


def tier_slice(tier: str) -> str:
    """Name of the slice that holds one tier's bots among all people, or one tier's people."""
    return f"tier:{tier}"
