"""Campaigns of the day: the claimed Chromes that are ApacheBench are one; an older one merged into it."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from shop_clients import APACHE_BENCH, SCRAPER, Hello

BENCH = "Cbench7f3a91"
SCRAPE = "Cscrape04d2e"
MERGED = "Cearly55aa10"
SUMMARIES = {
    BENCH: "Clients of 2 networks with ApacheBench's handshake claim Chrome and load every page of 3 hosts.",
    SCRAPE: "Scrapers that claim Chrome 156 without its post-quantum group read products, evenly, all day.",
    MERGED: "2 clients with ApacheBench's handshake tried the shop's hosts.",
}
HELLO_OF = {BENCH: APACHE_BENCH, SCRAPE: SCRAPER}


def campaign_rows(verdicts: list[dict[str, Any]], now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Rows of the campaign marts for rows of fct_entity_verdict, by mart."""
    rows: dict[str, list[dict[str, Any]]] = {
        "fct_campaign": [],
        "fct_campaign_hour": [],
        "fct_campaign_member": [],
    }
    for campaign_id, hello in HELLO_OF.items():
        mine = [row for row in verdicts if row["ja4_stable"] == hello.ja4]
        if mine:
            _add(rows, campaign_id, hello, mine, now)
    _add_merged(rows, now)
    return rows


def _add(
    rows: dict[str, list[dict[str, Any]]],
    campaign_id: str,
    hello: Hello,
    mine: list[dict[str, Any]],
    now: datetime,
) -> None:
    hours = sorted({row["hour"] for row in mine})
    common = {
        "campaign_id": campaign_id,
        "merged_into": None,
        "first_seen": min(row["first_ts"] for row in mine),
        "summary": SUMMARIES[campaign_id],
        "computed_at": now,
    }
    rows["fct_campaign"].append(
        common
        | {
            "status": "alive",
            "last_seen": max(row["last_ts"] for row in mine),
            "first_hour": hours[0],
            "last_hour": hours[-1],
            "hours": len(hours),
            **_counts(mine),
        }
    )
    for at, hour in enumerate(hours):
        of_hour = [row for row in mine if row["hour"] == hour]
        rows["fct_campaign_hour"].append(
            common
            | {
                "hour": hour,
                "status": "alive" if at else "born",
                "last_seen": max(row["last_ts"] for row in of_hour),
                **_counts(of_hour),
            }
        )
    members: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in mine:
        members[row["client_ip"], row["ja4_stable"], row["host"]].append(row)
    for (client_ip, ja4_stable, host), of_member in members.items():
        rows["fct_campaign_member"].append(
            {
                "campaign_id": campaign_id,
                "client_ip": client_ip,
                "ja4_stable": ja4_stable,
                "host": host,
                "first_hour": min(row["hour"] for row in of_member),
                "last_hour": max(row["hour"] for row in of_member),
                "hours": len(of_member),
                "requests": sum(row["requests"] for row in of_member),
                "probability": 0.9,
                "user_agent": hello.user_agent,
                "verdict": hello.verdict,
                "reason": hello.reason,
                "score_quantile": 0.99,
            }
        )


def _add_merged(rows: dict[str, list[dict[str, Any]]], now: datetime) -> None:
    """A campaign that ended in BENCH six hours ago."""
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=6)
    state = {
        "campaign_id": MERGED,
        "status": "merged",
        "merged_into": BENCH,
        "first_seen": hour - timedelta(hours=2),
        "last_seen": hour,
        "entities": 2,
        "client_ips": 2,
        "ja4s": 1,
        "asns": 1,
        "hosts": 1,
        "requests": 120,
        "summary": SUMMARIES[MERGED],
        "computed_at": now,
    }
    rows["fct_campaign"].append(
        state | {"first_hour": hour - timedelta(hours=2), "last_hour": hour - timedelta(hours=1), "hours": 2}
    )
    rows["fct_campaign_hour"].append(state | {"hour": hour, "entities": 0, "client_ips": 0, "requests": 0})


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    return {
        "entities": len({(row["client_ip"], row["ja4_stable"], row["host"]) for row in rows}),
        "client_ips": len({row["client_ip"] for row in rows}),
        "ja4s": len({row["ja4_stable"] for row in rows}),
        "asns": len({row["asn"] for row in rows}),
        "hosts": len({row["host"] for row in rows}),
        "requests": sum(row["requests"] for row in rows),
    }
