"""Rows of the marts: a day of a small shop, and a visit by the worst of its clients."""

from __future__ import annotations

import json
import math
import random
import uuid
from datetime import datetime, timedelta
from typing import Any

from mart_schema import declared_marts, insert, mapped
from shop_campaigns import campaign_rows
from shop_clients import (
    APACHE_BENCH,
    CHROMIUM,
    CRAWLER,
    CURL,
    FIREFOX,
    HELLOS,
    HOSTILE_TEXTS,
    SCRAPER,
    Hello,
)
from shop_models import model_rows

FEATURES = (
    "ua_ja4_bits",
    "ua_ja4_known_mismatch",
    "alpn_proto_gap",
    "tls_floor_gap",
    "grease_missing",
    "pq_missing",
    "ttl_os_mismatch",
    "mss_tunnel",
    "sni_host_mismatch",
    "ja4_per_ip",
    "ja4_exact_per_stable",
    "resumption_ratio",
    "hdr_order_bits",
    "hdr_orders",
    "hdr_required_missing",
    "hdr_case_odd",
    "secfetch_missing",
    "secfetch_incoherent",
    "ch_ua_mismatch",
    "ch_platform_mismatch",
)
_COUNTERS = (
    "frames_seen",
    "frames_dropped_kernel",
    "hellos_complete",
    "hellos_reassembled",
    "hellos_truncated",
    "hellos_malformed",
    "hellos_unused",
    "http_events_seen",
    "http_events_lost",
    "http_events_dropped",
    "requests_matched",
    "requests_ambiguous",
    "requests_midstream",
    "requests_no_hello",
    "requests_cleartext",
)

HOSTS = ("shop.test", "www.shop.test", "api.shop.test")
PATHS = (
    "/",
    "/cart",
    "/product/4711",
    "/search?q=lamp",
    "/login",
    "/api/v1/stock",
    "/assets/app.js",
    "/wp-login.php",
)


def fill(client: Any, now: datetime, hours: int = 30, seed: int = 7) -> None:
    """Fill the marts with `hours` of traffic that ends at `now`; the same seed gives the same rows."""
    chance = random.Random(seed)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in declared_marts()}
    entities = [_entity(index, chance) for index in range(46)]
    start = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    for step in range(hours):
        hour = start + timedelta(hours=step)
        for address, hello, host, pace, active in entities:
            if active(step, chance):
                _fill_hour(rows, chance, now, hour, (address, hello, host), pace)
        _fill_ledger(rows, chance, now, hour)
    for hello in HELLOS:
        rows["dim_ja4"].append(_dimension(hello, rows["fct_request"], start, now))
    rows |= campaign_rows(rows["fct_entity_verdict"], now)
    rows |= model_rows(now)
    for name, values in rows.items():
        insert(client, name, values)


def fill_hostile(client: Any, now: datetime) -> None:
    """One entity per hostile value, with that value in every text that a client controls."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for index, value in enumerate(HOSTILE_TEXTS):
        address = f"203.0.113.{index + 1}"
        verdict = entity_verdict(
            hour, address, SCRAPER, value, 100, user_agent=value, reason=f"Sent {value}", last_ts=now
        )
        request = _requests(random.Random(index), now - timedelta(minutes=2), address, SCRAPER, value, 1)[0]
        request |= {"path": value, "user_agent": value, "method": value[:12]}
        minute = {
            "minute": now.replace(second=0, microsecond=0) - timedelta(minutes=2),
            "client_ip": mapped(address),
            "ja4_stable": SCRAPER.ja4,
            "host": value,
            "requests": 100,
        }
        entity_hour = {
            "hour": hour,
            "client_ip": mapped(address),
            "ja4_stable": SCRAPER.ja4,
            "host": value,
            "requests": 100,
            "user_agent": value,
            "ua_family": value,
        }
        campaign = {
            "campaign_id": f"C{index}",
            "status": "alive",
            "first_seen": now,
            "last_seen": now,
            "entities": 1,
            "requests": 100,
            "summary": value,
            "computed_at": now,
        }
        member = {
            "campaign_id": f"C{index}",
            "client_ip": mapped(address),
            "ja4_stable": SCRAPER.ja4,
            "host": value,
            "last_hour": hour,
        }
        # Of an entity that nobody met: a label on one of these would take it out of the queue.
        label = {
            "label_id": uuid.uuid5(uuid.NAMESPACE_URL, value),
            "labelled_at": now,
            "user": "ada",
            "scope": "entity",
            "client_ip": mapped(f"192.0.2.{index + 1}"),
            "ja4": SCRAPER.ja4,
            "host": value,
            "label": "bad_bot",
            "note": value,
            "is_revoked": False,
        }
        audit = {"at": now, "user": value[:60], "action": "label", "target": value}
        insert(client, "analyst_labels", [label])
        insert(client, "audit_log", [audit | {"details": json.dumps({"note": value})}])
        insert(client, "fct_campaign", [campaign])
        insert(client, "fct_campaign_hour", [campaign | {"hour": hour}])
        insert(client, "fct_campaign_member", [member])
        insert(client, "fct_entity_verdict", [verdict])
        insert(client, "fct_request", [request])
        insert(client, "fct_request_minute", [minute])
        insert(client, "fct_entity_hour", [entity_hour])
    dimension = _dimension(SCRAPER, [], now, now)
    insert(client, "dim_ja4", [dimension | _TOLD_BY_HELLO])


_TOLD_BY_HELLO = {
    "alpn": [HOSTILE_TEXTS[0]],
    "tcp_signature": HOSTILE_TEXTS[0],
    "known_client": HOSTILE_TEXTS[1],
}


def entity_verdict(
    hour: datetime, client_ip: str, hello: Hello, host: str, requests: int, **changed: Any
) -> dict[str, Any]:
    """A row of fct_entity_verdict."""
    score = {"human": 0.42, "good_bot": 0.7, "suspicious": 0.987, "bad_bot": 0.999}.get(hello.verdict, 0.5)
    kind, _, source_id = hello.source.partition(":")
    row = {
        "hour": hour,
        "client_ip": mapped(client_ip),
        "ja4_stable": hello.ja4,
        "host": host,
        "requests": requests,
        "user_agent": hello.user_agent,
        "first_ts": hour,
        "last_ts": hour + timedelta(minutes=50),
        "anomaly_score": score,
        "score_quantile": score,
        "model_name": "isolation_forest",
        "model_version": "3",
        "top_features": top_features(hello),
        "verdict": hello.verdict,
        "verdict_source": kind,
        "verdict_source_id": source_id,
        "confidence": 0.9,
        "suspicion": {"suspicious": 0.81, "bad_bot": 0.97}.get(hello.verdict, 0.1),
        "reason": hello.reason,
        "evidence": {"user_agent": hello.user_agent[:40], "grease_missing": "0.98"} if kind == "rule" else {},
        **network(client_ip),
    }
    return {**row, **changed}


def network(address: str) -> dict[str, Any]:
    """Network, its kind and its country."""
    if address.startswith("203.0.113."):
        return {"asn": 64500, "asn_kind": "hosting", "country": "NL"}
    return {"asn": 64501, "asn_kind": "isp", "country": "FR"}


def top_features(hello: Hello) -> list[tuple[str, float | None, float | None, float]]:
    """Five contributions, as the model writes them."""
    if hello.verdict in ("human", "good_bot"):
        return [("ua_ja4_bits", 0.3, 0.2, 0.02), ("hdr_orders", 2.0, 2.0, 0.01)]
    return [
        ("ua_ja4_bits", 9.4, 0.2, 0.31),
        ("secfetch_missing", 0.97, 0.02, 0.22),
        ("grease_missing", 0.98, 0.02, 0.18),
        ("pq_missing", 0.98, 0.02, 0.11),
        ("hdr_order_bits", 7.9, 0.6, 0.07),
    ]


def _entity(index: int, chance: random.Random) -> tuple[str, Hello, str, int, Any]:
    if index < 30:
        hello, pace = (CHROMIUM if index % 3 else FIREFOX), chance.randint(6, 60)

        def active(step: int, dice: random.Random) -> bool:
            return dice.random() < 0.25 + 0.5 * (1 + math.sin(step / 24 * 2 * math.pi)) / 2

        return f"198.51.100.{index + 10}", hello, HOSTS[index % 2], pace, active
    hello = (APACHE_BENCH, CURL, SCRAPER, CRAWLER)[index % 4]
    pace = {APACHE_BENCH.ja4: 420, CURL.ja4: 90, SCRAPER.ja4: 150, CRAWLER.ja4: 40}[hello.ja4]
    begin = chance.randint(0, 24)
    address = f"2001:db8:77::{index:x}" if index % 5 == 0 else f"203.0.113.{index + 10}"
    return address, hello, HOSTS[index % 3], pace, lambda step, dice: step >= begin and dice.random() < 0.7


def _fill_hour(
    rows: dict[str, list[dict[str, Any]]],
    chance: random.Random,
    now: datetime,
    hour: datetime,
    entity: tuple[str, Hello, str],
    pace: int,
) -> None:
    address, hello, host = entity
    requests = 0
    minutes = sorted(chance.sample(range(60), min(12, max(3, pace // 6))))
    for minute in minutes:
        moment = hour + timedelta(minutes=minute)
        if moment >= now:
            break
        count = max(1, round(pace / len(minutes) * chance.uniform(0.5, 1.5)))
        requests += count
        rows["fct_request_minute"].append(
            {
                "minute": moment,
                "client_ip": mapped(address),
                "ja4_stable": hello.ja4,
                "host": host,
                "requests": count,
                "errors_4xx": 0,
                "errors_5xx": 0,
                "response_bytes": count * 9000,
            }
        )
        rows["fct_request"].extend(_requests(chance, moment, address, hello, host, min(count, 4)))
    if not requests:
        return
    last = min(hour + timedelta(minutes=minutes[-1], seconds=59), now)
    rows["fct_entity_verdict"].append(entity_verdict(hour, address, hello, host, requests, last_ts=last))
    is_false_claim = hello in (APACHE_BENCH, SCRAPER)
    values = dict.fromkeys(FEATURES, 0.02)
    values |= {"ua_ja4_known_mismatch": float(hello is APACHE_BENCH), "grease_missing": float(is_false_claim)}
    values |= {"pq_missing": float(is_false_claim), "secfetch_missing": 0.97 if is_false_claim else 0.0}
    values |= {"alpn_proto_gap": 0.0, "tls_floor_gap": 0.0, "ttl_os_mismatch": float(hello is SCRAPER)}
    values |= {"ch_ua_mismatch": 0.0, "ch_platform_mismatch": 0.0}
    rows["fct_entity_hour"].append(
        {
            "hour": hour,
            "client_ip": mapped(address),
            "ja4_stable": hello.ja4,
            "host": host,
            "requests": requests,
            "user_agent": hello.user_agent,
            "ua_family": hello.ua_family,
            "first_ts": hour,
            "last_ts": last,
            **values,
        }
    )
    profile = {"hour": hour, "requests": requests, **network(address)}
    rows["fct_ip_hour"].append({**profile, "client_ip": mapped(address)})
    rows["fct_asn_hour"].append(
        {
            **{name: value for name, value in profile.items() if name != "country"},
            "connections": max(1, requests // 6),
            "login_failures": 3,
            "response_bytes": requests * 9000,
            "first_ts": hour,
            "last_ts": last,
        }
    )
    rows["fct_ja4_hour"].append(
        {
            "hour": hour,
            "ja4_stable": hello.ja4,
            "requests": requests,
            "client_ips": 1,
            "hellos": max(1, requests // 6),
            "hellos_unused": 1 if is_false_claim else 0,
        }
    )


def _requests(
    chance: random.Random, moment: datetime, address: str, hello: Hello, host: str, count: int
) -> list[dict[str, Any]]:
    return [
        {
            "ts": moment + timedelta(seconds=chance.uniform(0, 59)),
            "hour": moment.replace(minute=0, second=0, microsecond=0),
            "sensor": "web-01",
            "client_ip": mapped(address),
            "method": "GET" if chance.random() < 0.9 else "POST",
            "host": host,
            "path": chance.choice(PATHS),
            "protocol": "HTTP/2.0" if "h2" in hello.ja4 else "HTTP/1.1",
            "status": chance.choice((200, 200, 200, 200, 304, 404, 403)),
            "user_agent": hello.user_agent,
            "join_state": "matched",
            "ja4": hello.ja4,
            "ja4_stable": hello.ja4,
            **network(address),
            "conn_id": chance.getrandbits(64),
        }
        for _ in range(count)
    ]


def _fill_ledger(
    rows: dict[str, list[dict[str, Any]]], chance: random.Random, now: datetime, hour: datetime
) -> None:
    for minute in range(60):
        moment = hour + timedelta(minutes=minute)
        if moment > now:
            break
        requests = chance.randint(20, 60)
        counters = dict.fromkeys(_COUNTERS, 0) | {
            "frames_seen": requests * 14,
            "hellos_complete": requests // 6,
            "hellos_reassembled": requests // 5,
            "hellos_unused": int(chance.random() < 0.1),
            "http_events_seen": requests,
            "requests_matched": requests - (minute == 17),
            "requests_no_hello": int(minute == 17),
            "site": "rack 4",
            "clock_skew_us": 1_500,
            "rows_inserted": requests * 2,
        }
        rows["fct_sensor_minute"].append({"sensor": "web-01", "minute": moment, **counters})
        is_bad = minute in (5, 35)
        rows["fct_join_accuracy"].append(
            {
                "sensor": "web-01",
                "minute": moment,
                "requests": 60,
                "requests_right": 60 - 2 * is_bad,
                "requests_wrong": int(is_bad),
                "requests_unjoined": int(is_bad),
                "requests_unreported": int(is_bad),
            }
        )


def _dimension(
    hello: Hello, requests: list[dict[str, Any]], start: datetime, now: datetime
) -> dict[str, Any]:
    mine = [row for row in requests if row["ja4_stable"] == hello.ja4]
    is_chromium = hello.ja4_r is not None
    return {
        "ja4_stable": hello.ja4,
        "first_seen": start - timedelta(days=2),
        "last_seen": max((row["ts"] for row in mine), default=now),
        "requests": len(mine),
        "hellos": max(1, len(mine) // 6),
        "variants": [hello.ja4, hello.ja4.replace("1517", "1518").replace("3111", "3112")],
        "ja4_r": hello.ja4_r,
        "ja4_o": hello.ja4[:10] + "_5b57614c22b0_fd6d97ff9d50",
        "ja3_hash": "310a63c19504329d493e9f9beeabd7b2",
        "ja3_hashes": 212 if is_chromium else 1,
        "tls_version": 0x0304,
        "alpn": ["h2", "http/1.1"] if "h2" in hello.ja4 else [],
        "has_grease": is_chromium,
        "has_ech": is_chromium,
        "has_pq_group": hello.has_pq_group,
        "hello_len": 1912 if hello.has_pq_group else 512,
        "segments": 2 if hello.has_pq_group else 1,
        "tcp_signature": "4:64:0:1460:mss*44,7:mss,sok,ts,nop,ws:df,id+:0",
        "known_client": hello.known_client,
        "hello_skeleton": hello.skeleton,
    }
