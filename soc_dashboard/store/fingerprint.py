"""What the page of one JA4 shows, read in parallel."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import ClientRow, Fingerprint, FingerprintLoad, HelloHour
from soc_dashboard.store.subject import SubjectReading, read_subject
from soc_dashboard.verdicts import SEVERITY
from soc_dashboard.window import Window

MAX_FINGERPRINT = 64
"""A JA4 has 36 characters; anything longer than this is not asked of the database."""


@dataclass(frozen=True, slots=True)
class FingerprintReading:
    """One reading of the page of a JA4."""

    fingerprint: Fingerprint
    subject: SubjectReading
    hellos: tuple[HelloHour, ...]


def fingerprint_scope(ja4_stable: str) -> tuple[Term, ...]:
    """The terms that select everything under one ja4_stable."""
    return (Term("ja4_stable", ja4_stable, is_quoted=True),)


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
    subject, hellos = await asyncio.gather(
        read_subject(marts, fingerprint_scope(fingerprint.ja4_stable), window, as_of),
        marts.fetch("fingerprint_hellos", HelloHour, span),
    )
    return FingerprintReading(fingerprint, subject, tuple(hellos))


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
