"""What the page of one JA4 shows, read in parallel."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import (
    ClaimedClient,
    ClientRow,
    Extent,
    FeatureReason,
    Fingerprint,
    FingerprintHour,
    FingerprintLoad,
    FingerprintTotals,
    VerdictBucket,
    VerdictTotal,
)
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import Window

MAX_FINGERPRINT = 64
"""A JA4 has 36 characters; anything longer than this is not asked of the database."""
TOP_USER_AGENTS = 8


@dataclass(frozen=True, slots=True)
class FingerprintReading:
    """One reading of the page of a JA4."""

    as_of: datetime
    window: Window
    extent: Extent
    fingerprint: Fingerprint
    totals: FingerprintTotals
    before: FingerprintTotals | None
    verdicts: tuple[VerdictTotal, ...]
    hours: tuple[FingerprintHour, ...]
    timeline: tuple[VerdictBucket, ...]
    reasons: tuple[FeatureReason, ...]
    claims: tuple[ClaimedClient, ...]


async def maybe_fingerprint(marts: MartDatabase, text: str) -> Fingerprint | None:
    """The fingerprint of that exact JA4 or ja4_stable; None when it was never seen."""
    if not text or len(text) > MAX_FINGERPRINT or not text.isprintable():
        return None
    found = await marts.fetch("fingerprint", Fingerprint, {"fingerprint": text})
    return found[0] if found else None


async def read_fingerprint(
    marts: MartDatabase, fingerprint: Fingerprint, window: Window, as_of: datetime
) -> FingerprintReading:
    """Read everything but the tables of the page."""
    span = {**span_parameters(window), "ja4_stable": fingerprint.ja4_stable}
    figures = asyncio.gather(
        marts.fetch("data_extent", Extent, {}),
        marts.fetch("fingerprint_totals", FingerprintTotals, span),
        marts.fetch("verdict_totals", VerdictTotal, span),
        marts.fetch("fingerprint_hours", FingerprintHour, span),
    )
    explanations = asyncio.gather(
        marts.fetch("verdict_timeline", VerdictBucket, {**span, "bucket_s": window.bucket_s}),
        marts.fetch("fingerprint_reasons", FeatureReason, span),
        marts.fetch("fingerprint_user_agents", ClaimedClient, {**span, "limit": TOP_USER_AGENTS}),
    )
    (extent_rows, totals, verdicts, hours), (timeline, reasons, claims) = await asyncio.gather(
        figures, explanations
    )
    extent = extent_rows[0]
    earlier = window.comparison(extent.oldest)
    before: FingerprintTotals | None = None
    if earlier:
        earlier_span = {**span_parameters(earlier), "ja4_stable": fingerprint.ja4_stable}
        before = (await marts.fetch("fingerprint_totals", FingerprintTotals, earlier_span))[0]
    return FingerprintReading(
        as_of,
        window,
        extent,
        fingerprint,
        totals[0],
        before,
        tuple(verdicts),
        tuple(hours),
        tuple(timeline),
        tuple(reasons),
        tuple(claims),
    )


async def read_clients(
    marts: MartDatabase, ja4_stable: str, window: Window, wanted: PageRequest
) -> list[ClientRow]:
    """One page of the addresses that used this fingerprint, worst first by default."""
    parameters = {
        **span_parameters(window),
        **wanted.parameters(),
        "ja4_stable": ja4_stable,
        "severity": list(SEVERITY),
    }
    return await marts.fetch("fingerprint_clients", ClientRow, parameters)


async def read_fingerprints(
    marts: MartDatabase, window: Window, wanted: PageRequest
) -> list[FingerprintLoad]:
    """One page of the fingerprints seen in the window, busiest first by default."""
    return await marts.fetch(
        "fingerprint_list", FingerprintLoad, {**span_parameters(window), **wanted.parameters()}
    )
