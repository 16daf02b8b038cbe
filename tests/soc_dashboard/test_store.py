"""The reads against figures counted from the rows themselves."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import clickhouse_connect
import pytest

from soc_dashboard.search.terms import parse
from soc_dashboard.store.alerts import read_alerts
from soc_dashboard.store.database import MartDatabase, StoreFailedError
from soc_dashboard.store.fingerprint import (
    maybe_fingerprint,
    read_clients,
    read_fingerprint,
    read_fingerprints,
)
from soc_dashboard.store.overview import PageRequest, read_entities, read_overview
from soc_dashboard.store.rows import Extent
from soc_dashboard.window import Window


@pytest.fixture
def day(now: datetime) -> Window:
    return Window(now - timedelta(hours=24), now)


def rows_of(dsn: str, sql: str, **parameters: str | int) -> list[tuple[Any, ...]]:
    with clickhouse_connect.get_client(dsn=dsn) as client:
        return list(client.query(sql, parameters=parameters).result_rows)


def test_requests_of_all_verdicts_are_the_requests_of_the_window(
    day_marts: MartDatabase, day_dsn: str, day: Window, now: datetime
) -> None:
    overview = asyncio.run(read_overview(day_marts, day, now))
    counted = rows_of(
        day_dsn,
        "select sum(requests) from fct_request_minute where minute >= fromUnixTimestamp64Micro({since:Int64})"
        " and minute < fromUnixTimestamp64Micro({until:Int64})",
        since=day.since_us,
        until=day.until_us,
    )[0][0]
    assert counted > 0
    assert overview.now.requests == counted
    assert sum(row.requests for row in overview.timeline) == counted


@pytest.mark.parametrize("length", [timedelta(days=7), timedelta(hours=100, minutes=7)])
def test_bars_of_whole_hours_hold_the_requests_of_their_minutes(
    day_marts: MartDatabase, day_dsn: str, now: datetime, length: timedelta
) -> None:
    window = Window(now - length, now - timedelta(minutes=25))
    overview = asyncio.run(read_overview(day_marts, window, now))
    counted = rows_of(
        day_dsn,
        "select intDiv(toUnixTimestamp(minute), {bucket:Int64}) * {bucket:Int64} as bar, sum(requests)"
        " from fct_request_minute where minute >= fromUnixTimestamp64Micro({since:Int64})"
        " and minute < fromUnixTimestamp64Micro({until:Int64}) group by bar",
        bucket=window.bucket_s,
        since=window.since_us,
        until=window.until_us,
    )
    bars: dict[int, int] = {}
    for row in overview.timeline:
        bars[row.bucket_s] = bars.get(row.bucket_s, 0) + row.requests
    assert bars == dict(counted)


def test_traffic_without_an_entity_hour_is_unknown_and_not_lost(
    clickhouse_dsn: str,
    mart_tables: ModuleType,
    day_marts: MartDatabase,
    day_dsn: str,
    day: Window,
    now: datetime,
) -> None:
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        mart_tables.insert(
            client,
            "fct_request_minute",
            [
                {
                    "minute": now.replace(second=0, microsecond=0) - timedelta(hours=3),
                    "client_ip": mart_tables.mapped("192.0.2.200"),
                    "ja4_stable": "",
                    "host": "unjudged.test",
                    "requests": 7,
                }
            ],
        )
    overview = asyncio.run(read_overview(day_marts, day, now))
    assert {row.verdict: row.requests for row in overview.now.totals}["unknown"] == 7


def test_only_hostile_entities_are_listed_worst_first(day_marts: MartDatabase, day: Window) -> None:
    rows = asyncio.run(read_entities(day_marts, day, PageRequest()))
    verdicts = [row.verdict for row in rows]
    assert set(verdicts) == {"bad_bot", "suspicious"}
    assert verdicts == sorted(verdicts, key=["bad_bot", "suspicious"].index)
    assert rows[0].reason == "The user agent claims Chrome, the handshake is ApacheBench."
    assert rows[0].top_features[0].name == "ua_ja4_bits"


def test_the_queue_is_in_the_order_of_suspicion_and_an_entity_shows_its_worst_hour(
    mart_tables: ModuleType, day_marts: MartDatabase, day_dsn: str, day: Window, now: datetime
) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    hello = mart_tables.SCRAPER
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        for address, back, verdict, suspicion in (
            ("192.0.2.211", 1, "suspicious", 0.9991),
            ("192.0.2.212", 1, "bad_bot", 0.9992),
            ("192.0.2.212", 2, "suspicious", 0.9993),
            ("192.0.2.213", 1, "bad_bot", 0.9990),
        ):
            row = mart_tables.entity_verdict(
                hour - timedelta(hours=back),
                address,
                hello,
                "queue.test",
                3,
                verdict=verdict,
                suspicion=suspicion,
            )
            mart_tables.insert(client, "fct_entity_verdict", [row])
    queue = asyncio.run(read_alerts(day_marts, parse("host:queue.test"), day, PageRequest()))
    assert [(row.client_ip, row.verdict, row.suspicion) for row in queue] == [
        ("192.0.2.212", "bad_bot", 0.9993),
        ("192.0.2.211", "suspicious", 0.9991),
        ("192.0.2.213", "bad_bot", 0.999),
    ]
    everything = asyncio.run(read_alerts(day_marts, [], day, PageRequest()))
    suspicions = [row.suspicion for row in everything]
    assert suspicions == sorted(suspicions, reverse=True)


def test_an_hour_too_small_to_judge_does_not_outweigh_a_judged_one(
    mart_tables: ModuleType, day_marts: MartDatabase, day_dsn: str, day: Window, now: datetime
) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    judged, unjudged = "192.0.2.201", "192.0.2.202"
    unknown = {"verdict": "unknown", "verdict_source": None, "verdict_source_id": None, "reason": None}
    hello = mart_tables.FIREFOX
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        for address, back, changed in (
            (judged, 2, {}),
            (judged, 1, {**unknown, "score_quantile": None}),
            (unjudged, 1, {**unknown, "score_quantile": None}),
        ):
            row = mart_tables.entity_verdict(
                hour - timedelta(hours=back), address, hello, "edge.test", 3, **changed
            )
            mart_tables.insert(client, "fct_entity_verdict", [row])
    wanted = PageRequest(needle="192.0.2.20")
    clients = asyncio.run(read_clients(day_marts, hello.ja4, day, wanted))
    assert {row.client_ip: row.verdict for row in clients} == {judged: "human", unjudged: "unknown"}
    (listed,) = asyncio.run(read_entities(day_marts, day, PageRequest(needle="edge.test", verdict="human")))
    assert (listed.client_ip, listed.requests) == (judged, 6)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("requests", lambda row: row.requests),
        ("client_ip", lambda row: row.client_ip),
        ("host", lambda row: row.host),
        ("last_ts", lambda row: row.last_ts),
    ],
)
@pytest.mark.parametrize("descending", [True, False])
def test_entities_sort_by_the_asked_column(
    day_marts: MartDatabase, day: Window, sort: str, key: Any, descending: bool
) -> None:
    rows = asyncio.run(read_entities(day_marts, day, PageRequest(sort=sort, descending=descending)))
    values = [key(row) for row in rows]
    assert values == sorted(values, reverse=descending)


def test_pages_partition_the_entities(day_marts: MartDatabase, day: Window) -> None:
    everything = asyncio.run(read_entities(day_marts, day, PageRequest(page_rows=1000)))
    pages = [
        asyncio.run(read_entities(day_marts, day, PageRequest(page=page, page_rows=5)))
        for page in range(1, len(everything) // 5 + 2)
    ]
    assert [row for page in pages for row in page] == everything
    assert {row.total for row in everything} == {len(everything)}


def test_filter_finds_part_of_any_shown_value(day_marts: MartDatabase, day: Window) -> None:
    found = asyncio.run(read_entities(day_marts, day, PageRequest(needle="APACHEBENCH")))
    assert found
    assert {row.verdict for row in found} == {"bad_bot"}
    assert asyncio.run(read_entities(day_marts, day, PageRequest(needle="' or 1=1 --"))) == []


def test_mapped_ipv4_addresses_are_dotted_and_ipv6_stays(day_marts: MartDatabase, day: Window) -> None:
    rows = asyncio.run(read_entities(day_marts, day, PageRequest(page_rows=1000)))
    addresses = {row.client_ip for row in rows}
    assert not [address for address in addresses if "ffff" in address]
    assert [address for address in addresses if address.startswith("203.0.113.")]
    assert [address for address in addresses if address.startswith("2001:db8:77::")]


def test_comparison_is_the_span_before_while_data_is_younger_than_a_week(
    day_marts: MartDatabase, now: datetime
) -> None:
    window = Window(now - timedelta(hours=6), now)
    overview = asyncio.run(read_overview(day_marts, window, now))
    assert overview.before is not None
    assert overview.before.window == Window(now - timedelta(hours=12), now - timedelta(hours=6))


def test_exact_variant_leads_to_its_stable_fingerprint(
    day_marts: MartDatabase, mart_tables: ModuleType
) -> None:
    variant = mart_tables.CHROMIUM.ja4.replace("1517", "1518")
    found = asyncio.run(maybe_fingerprint(day_marts, variant))
    assert found is not None
    assert found.ja4_stable == mart_tables.CHROMIUM.ja4
    assert found.known_client == "Chromium 156"


@pytest.mark.parametrize("text", ["", "t13d", "x" * 65, "t13d\0", "'; drop table dim_ja4 --"])
def test_text_that_is_no_fingerprint_finds_nothing(day_marts: MartDatabase, text: str) -> None:
    assert asyncio.run(maybe_fingerprint(day_marts, text)) is None


def test_fingerprint_figures_belong_to_it_alone(
    day_marts: MartDatabase, day_dsn: str, mart_tables: ModuleType, day: Window, now: datetime
) -> None:
    found = asyncio.run(maybe_fingerprint(day_marts, mart_tables.APACHE_BENCH.ja4))
    assert found is not None
    reading = asyncio.run(read_fingerprint(day_marts, found, day, now)).subject
    counted = rows_of(
        day_dsn,
        "select sum(requests), uniqExact(client_ip) from fct_request_minute"
        " where ja4_stable = {ja4:String} and minute >= fromUnixTimestamp64Micro({since:Int64})",
        ja4=found.ja4_stable,
        since=day.since_us,
    )[0]
    assert (sum(row.requests for row in reading.verdicts), reading.totals.clients) == counted
    assert {row.verdict for row in reading.verdicts} == {"bad_bot"}
    assert reading.reasons[0].name == "ua_ja4_bits"
    assert "ua_ja4_known_mismatch" in reading.claims[0].contradictions


def test_clients_of_a_fingerprint(day_marts: MartDatabase, mart_tables: ModuleType, day: Window) -> None:
    stable = mart_tables.CURL.ja4
    clients = asyncio.run(read_clients(day_marts, stable, day, PageRequest()))
    assert clients[0].total == len(clients) > 1


def test_fingerprints_are_listed_busiest_first(day_marts: MartDatabase, day: Window) -> None:
    rows = asyncio.run(read_fingerprints(day_marts, day, PageRequest()))
    assert [row.requests for row in rows] == sorted((row.requests for row in rows), reverse=True)
    assert {row.known_client for row in rows} >= {"Chromium 156", None}


def test_empty_marts_give_no_ratios_instead_of_zeros(
    empty_marts: MartDatabase, day: Window, now: datetime
) -> None:
    overview = asyncio.run(read_overview(empty_marts, day, now))
    assert overview.extent == Extent(oldest=None, newest=None)
    assert overview.now.requests == 0
    assert (overview.now.bot_ratio, overview.now.capture.join_ratio, overview.now.capture.loss_ratio) == (
        None,
        None,
        None,
    )
    assert overview.before is None


def test_absent_database_is_a_failed_read_with_its_name() -> None:
    marts = MartDatabase("http://ja4:x@127.0.0.1:1/none")
    with pytest.raises(StoreFailedError) as failure:
        marts.read("data_extent", Extent, {})
    assert failure.value.query == "data_extent"
    assert failure.value.reason == "the database does not answer"
    marts.close()


def test_missing_mart_is_a_failed_read(clickhouse_dsn: str) -> None:
    marts = MartDatabase(f"{clickhouse_dsn}/default")
    with pytest.raises(StoreFailedError, match="data_extent: Unknown table"):
        marts.read("data_extent", Extent, {})
    marts.close()
