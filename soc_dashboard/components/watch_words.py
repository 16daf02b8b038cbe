"""The watch list in words: why an entity stands on it, since when, by whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from soc_dashboard.components.frames import CELL
from soc_dashboard.components.markup import ago_text, chip, number, visible
from soc_dashboard.store.watch_list import LabelHits, WatchedEntity

WATCHED_COLUMNS = [
    "client_ip",
    "ja4_stable",
    "host",
    "why",
    "requests",
    "verdict",
    "last_hour",
    "labelled_at",
    "user",
]


def watched_frame(rows: Sequence[WatchedEntity], now: datetime) -> pd.DataFrame:
    """Columns WATCHED_COLUMNS; `verdict` is markup of our own, everything else is text or a number."""
    return pd.DataFrame(
        [
            (
                row.client_ip,
                visible(row.ja4_stable, CELL),
                visible(row.host, CELL),
                likeness(row),
                row.requests,
                str(chip(row.verdict)),
                ago_text(row.last_hour, now),
                ago_text(row.labelled_at, now),
                visible(row.user, 60),
            )
            for row in rows
        ],
        columns=WATCHED_COLUMNS,
    )


def likeness(row: WatchedEntity) -> str:
    """What it shares with an entity that was labelled bad bot."""
    shared = []
    if row.shares_ja4:
        rarity = "" if row.ja4_bits is None else f", one address in {number(2**row.ja4_bits)}"
        shared.append(f"its rare JA4{rarity}")
    if row.shares_network:
        shared.append("its /64" if ":" in row.client_ip else "its /24")
    return f"shares {' and '.join(shared)}" if shared else "resembles it"


def hits_text(hits: LabelHits | None) -> str:
    """What a label decided, with its unit."""
    if hits is None:
        return "nothing"
    entities = "1 entity" if hits.entities == 1 else f"{number(hits.entities)} entities"
    return f"{entities}, {number(hits.requests)} req."
