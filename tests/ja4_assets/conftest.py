"""A migrated database of its own for each test, with the mart `fct_entity_hour` made by hand."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import clickhouse_connect
import polars as pl
import pytest

from ja4_assets.features.catalogue import MART_FEATURES
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.rule import RATIO_COLUMNS, SHARE_COLUMNS
from ja4_assets.storage import migrate

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
NUMBERS = (*(feature.name for feature in MART_FEATURES), *sorted(SHARE_COLUMNS | RATIO_COLUMNS))
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)

MART = """
create table fct_entity_hour (
    hour DateTime64(0, 'UTC'), client_ip IPv6, ja4_stable String, host String, requests UInt64,
    connections UInt64, first_ts DateTime64(6, 'UTC'), last_ts DateTime64(6, 'UTC'), user_agent String,
    user_agents UInt32, ua_family String, ua_version Nullable(UInt16), ja4 String, paths UInt64,
    status_4xx UInt64, status_5xx UInt64, matched_requests UInt64, is_sufficient Bool, pages UInt64,
    page_gaps UInt64, typed_pages UInt64, login_attempts UInt64, login_failures UInt64,
    attack_requests UInt64, disallowed_requests Nullable(UInt64),
    ua_engines UInt64, is_signed Bool, claimed_bot String, hellos Nullable(UInt64),
    unused_hellos Nullable(UInt64), __FEATURES__
) engine = MergeTree order by (hour, client_ip, ja4_stable, host)
"""
# What the rules join to it; dbt makes views of these names.
JOINED = (
    """
    create table dim_bot_identity (
        client_ip IPv6, claimed String, operator String, method String, state String, detail String,
        checked_at DateTime64(6, 'UTC')
    ) engine = MergeTree order by client_ip
    """,
    """
    create table dim_label (scope String, ja4 Nullable(String), label String, is_active Bool)
    engine = MergeTree order by scope
    """,
    "create table watched_fingerprints (ja4 String) engine = MergeTree order by ja4",
)


def entity_hour(number: int, **changes: object) -> dict[str, object]:
    """One entity hour of an ordinary Chromium; `changes` overrides columns."""
    row: dict[str, object] = {
        "hour": HOUR,
        "client_ip": f"::ffff:198.51.{number // 250}.{number % 250}",
        "ja4_stable": "t13d1516h2_8daaf6152771_d8a2da3f94cd",
        "host": "shop.test",
        "requests": 20,
        "connections": 2,
        "first_ts": HOUR,
        "last_ts": HOUR,
        "user_agent": CHROME,
        "user_agents": 1,
        "ua_family": "Chrome",
        "ua_version": 156,
        "ja4": "t13d1517h2_8daaf6152771_cb7bf5808d99",
        "paths": 9,
        "status_4xx": 0,
        "status_5xx": 0,
        "matched_requests": 20,
        "is_sufficient": True,
        "pages": 2,
        "page_gaps": 1,
        "typed_pages": 0,
        "login_attempts": 0,
        "login_failures": 0,
        "attack_requests": 0,
        "disallowed_requests": None,
        "ua_engines": 1,
        "is_signed": False,
        "claimed_bot": "",
        "hellos": 2,
        "unused_hellos": 0,
        **dict.fromkeys(NUMBERS, 0.0),
    }
    unknown = changes.keys() - row.keys()
    if unknown:
        raise KeyError(f"not in the mart: {unknown}")
    return row | changes


@pytest.fixture
def database(clickhouse_dsn: str) -> ClickHouseResource:
    """A migrated database that holds an empty `fct_entity_hour`."""
    url = f"{clickhouse_dsn}/assets_{uuid.uuid4().hex[:12]}"
    migrate.upgrade(url)
    client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False)
    features = ", ".join(f"{name} Nullable(Float64)" for name in NUMBERS)
    client.command(MART.replace("__FEATURES__", features))
    for table in JOINED:
        client.command(table)
    client.close()
    return ClickHouseResource(url=url)


@pytest.fixture
def store_entity_hours(database: ClickHouseResource) -> Callable[[list[dict[str, object]]], None]:
    """Write rows into the mart."""

    def store(rows: list[dict[str, object]]) -> None:
        numbers = dict.fromkeys(NUMBERS, pl.Float64)
        database.insert(
            "fct_entity_hour", pl.DataFrame(rows, schema_overrides=numbers, infer_schema_length=None)
        )

    return store


@pytest.fixture
def ordinary_entity_hour() -> Callable[..., dict[str, object]]:
    """The maker of rows, for tests that cannot import this file."""
    return entity_hour
