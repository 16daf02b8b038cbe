"""Rows of the store as frames that the tables show; every stored string made visible first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from soc_dashboard.components.display_time import local_text
from soc_dashboard.components.markup import ago_text, chip, percent, score_text, visible
from soc_dashboard.store.rows import ClientRow, Entity, FingerprintLoad, RequestRow

CELL = 160
"""Longest value that a cell holds."""

ENTITY_COLUMNS = [
    "verdict",
    "client_ip",
    "ja4_stable",
    "host",
    "requests",
    "score",
    "reason",
    "user_agent",
    "last_ts",
]
CLIENT_COLUMNS = ["verdict", "client_ip", "requests", "hosts", "score", "reason", "last_ts"]
REQUEST_COLUMNS = [
    "ts",
    "client_ip",
    "method",
    "host",
    "path",
    "status",
    "protocol",
    "user_agent",
    "join_state",
    "ja4",
]
FINGERPRINT_COLUMNS = [
    "ja4_stable",
    "known_client",
    "requests",
    "clients",
    "hosts",
    "user_agents",
    "bot_share",
    "score",
    "last_ts",
]


def entity_frame(rows: Sequence[Entity], now: datetime) -> pd.DataFrame:
    """Columns ENTITY_COLUMNS; `verdict` is markup of our own, everything else is text or a number."""
    return pd.DataFrame(
        [
            (
                str(chip(row.verdict)),
                row.client_ip,
                visible(row.ja4_stable, CELL),
                visible(row.host, CELL),
                row.requests,
                score_text(row.score),
                visible(row.reason, CELL),
                visible(row.user_agent, CELL),
                ago_text(row.last_ts, now),
            )
            for row in rows
        ],
        columns=ENTITY_COLUMNS,
    )


def client_frame(rows: Sequence[ClientRow], now: datetime) -> pd.DataFrame:
    """Columns CLIENT_COLUMNS."""
    return pd.DataFrame(
        [
            (
                str(chip(row.verdict)),
                row.client_ip,
                row.requests,
                row.hosts,
                score_text(row.score),
                visible(row.reason, CELL),
                ago_text(row.last_ts, now),
            )
            for row in rows
        ],
        columns=CLIENT_COLUMNS,
    )


def request_frame(rows: Sequence[RequestRow]) -> pd.DataFrame:
    """Columns REQUEST_COLUMNS."""
    return pd.DataFrame(
        [
            (
                local_text(row.ts),
                row.client_ip,
                visible(row.method, 16),
                visible(row.host or "", CELL),
                visible(row.path, CELL),
                row.status,
                visible(row.protocol, 16),
                visible(row.user_agent or "", CELL),
                row.join_state,
                visible(row.ja4 or "", CELL),
            )
            for row in rows
        ],
        columns=REQUEST_COLUMNS,
    )


def fingerprint_frame(rows: Sequence[FingerprintLoad], now: datetime) -> pd.DataFrame:
    """Columns FINGERPRINT_COLUMNS."""
    return pd.DataFrame(
        [
            (
                visible(row.ja4_stable, CELL),
                visible(row.known_client or "", CELL),
                row.requests,
                row.clients,
                row.hosts,
                row.user_agents,
                percent(row.bot_requests / row.requests if row.requests else None),
                score_text(row.score),
                ago_text(row.last_ts, now),
            )
            for row in rows
        ],
        columns=FINGERPRINT_COLUMNS,
    )
