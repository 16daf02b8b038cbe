"""One decision about a client, from memory: what a proxy asks while a request waits.

The memory is bounded and refreshed in the background; an answer says how old it is. While the database is
away the last reading is kept, and its age grows.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from soc_dashboard.store.database import MartDatabase, StoreFailedError
from soc_dashboard.store.rows import Row
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import to_us

MAX_DECISIONS = 50_000
"""Pairs of client and JA4, the most telling first: some 30 MB. Beyond, people are left out before bots."""
MAX_LABELS = 20_000
MAX_VARIANTS = 50_000
SPAN = timedelta(hours=24)
REFRESH_S = 60.0
LEADING_SHARE = 0.9
"""A JA4 alone decides only if this share of its requests is judged alike: a browser's JA4 is used by all."""

log = structlog.get_logger(__name__)


class PairDecision(Row, frozen=True, kw_only=True):
    """lookup_decisions: one pair of client and stable JA4."""

    client_ip: str
    ja4_stable: str
    verdict: str
    source: str
    source_id: str
    reason: str
    requests: int
    last_seen: datetime


class LabelDecision(Row, frozen=True, kw_only=True):
    """lookup_labels: a label on a whole client or JA4."""

    scope: str
    client_ip: str
    ja4: str
    label: str
    user: str
    note: str
    labelled_at: datetime


class Variant(Row, frozen=True, kw_only=True):
    """lookup_variants: an exact JA4 and its stable form."""

    ja4_stable: str
    ja4: str


@dataclass(frozen=True, slots=True)
class Found:
    """The answer about one client, and what it rests on."""

    matched_on: str
    """client_and_ja4, client_ip, ja4, or nothing."""
    verdict: str
    source: str
    source_id: str
    reason: str
    last_seen: datetime | None


NOTHING = Found("nothing", "unknown", "", "", "", None)


@dataclass(frozen=True, slots=True)
class Decisions:
    """One reading, ready to be asked."""

    read_at: datetime
    pairs: Mapping[tuple[str, str], PairDecision]
    clients: Mapping[str, PairDecision]
    fingerprints: Mapping[str, Found]
    labelled_clients: Mapping[str, Found]
    labelled_fingerprints: Mapping[str, Found]
    stable_forms: Mapping[str, str]

    def decide(self, client_ip: str | None, ja4: str | None) -> Found:
        """What is decided: labels first, then the pair, the client, and the JA4 alone."""
        stable = self.stable_forms.get(ja4, ja4) if ja4 else None
        if client_ip is not None and client_ip in self.labelled_clients:
            return self.labelled_clients[client_ip]
        for name in (ja4, stable):
            if name and name in self.labelled_fingerprints:
                return self.labelled_fingerprints[name]
        if client_ip is not None and stable is not None:
            pair = self.pairs.get((client_ip, stable))
            if pair is not None:
                return _found("client_and_ja4", pair)
        if client_ip is not None and client_ip in self.clients:
            return _found("client_ip", self.clients[client_ip])
        return self.fingerprints.get(stable, NOTHING) if stable else NOTHING


class DecisionCache:
    """Holds the newest reading and replaces it every REFRESH_S."""

    def __init__(self, marts: MartDatabase, clock: Callable[[], datetime]) -> None:
        self._marts = marts
        self._clock = clock
        self.newest: Decisions | None = None
        """None until the first reading."""

    def size(self) -> float:
        """Pairs that are held."""
        return float(len(self.newest.pairs)) if self.newest else 0.0

    def age_s(self) -> float:
        """Age of the newest reading; not a number before the first."""
        return (self._clock() - self.newest.read_at).total_seconds() if self.newest else math.nan

    async def keep_fresh(self) -> None:
        """Read for ever, at once and then every REFRESH_S; a reading that fails keeps the last one."""
        while True:
            try:
                await self.refresh()
            except StoreFailedError as failure:
                log.warning("decisions were not refreshed", reason=str(failure))
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Read once; raises StoreFailedError."""
        now = self._clock()
        pairs, labels, variants = await asyncio.gather(
            self._marts.fetch(
                "lookup_decisions",
                PairDecision,
                {"since_us": to_us(now - SPAN), "severity": list(SEVERITY), "limit": MAX_DECISIONS},
            ),
            self._marts.fetch("lookup_labels", LabelDecision, {"limit": MAX_LABELS}),
            self._marts.fetch("lookup_variants", Variant, {"limit": MAX_VARIANTS}),
        )
        self.newest = await asyncio.to_thread(decisions, now, pairs, labels, variants)


def decisions(
    read_at: datetime,
    pairs: Sequence[PairDecision],
    labels: Sequence[LabelDecision],
    variants: Sequence[Variant],
) -> Decisions:
    """One reading as maps; `pairs` come with the most telling first, `labels` with the newest first."""
    clients: dict[str, PairDecision] = {}
    loads: dict[str, dict[str, int]] = {}
    for pair in pairs:
        clients.setdefault(pair.client_ip, pair)
        if pair.ja4_stable:
            load = loads.setdefault(pair.ja4_stable, {})
            load[pair.verdict] = load.get(pair.verdict, 0) + pair.requests
    labelled_clients: dict[str, Found] = {}
    labelled_fingerprints: dict[str, Found] = {}
    for label in labels:
        matched_on, kept, key = (
            ("client_ip", labelled_clients, label.client_ip)
            if label.scope == "client_ip"
            else ("ja4", labelled_fingerprints, label.ja4)
        )
        words = label.note or f"labelled by {label.user}"
        kept.setdefault(key, Found(matched_on, label.label, "analyst", label.user, words, None))
    return Decisions(
        read_at,
        {(pair.client_ip, pair.ja4_stable): pair for pair in pairs},
        clients,
        {ja4: found for ja4, load in loads.items() if (found := _maybe_leading(load))},
        labelled_clients,
        labelled_fingerprints,
        {variant.ja4: variant.ja4_stable for variant in variants},
    )


def _found(matched_on: str, pair: PairDecision) -> Found:
    return Found(matched_on, pair.verdict, pair.source, pair.source_id, pair.reason, pair.last_seen)


def _maybe_leading(load: Mapping[str, int]) -> Found | None:
    requests = sum(load.values())
    verdict = max(load, key=lambda name: load[name])
    if not requests or load[verdict] / requests < LEADING_SHARE:
        return None
    reason = f"{load[verdict] / requests:.0%} of its requests are judged so"
    return Found("ja4", verdict, "", "", reason, None)
