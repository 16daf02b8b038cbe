"""What views keep of arriving rows: once for each batch, however often it is sent; and how rows leave."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from clickhouse_connect.driver import Client

from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.clickhouse_client import ClickHouseInserter

RUNGS = ("agg_requests_minute", "agg_requests_hour", "agg_requests_day")
NOW = datetime.now(UTC)
REQUEST = (
    f'{{"sensor":"web1","ts":"{NOW:%Y-%m-%dT%H:%M:%S}.000001Z","client_ip":"192.0.2.1","peer_ip":"192.0.2.1",'
    '"path":"/","host":"shop.test","ja4_stable":"t13a","status":200}\n'
).encode()
DEADLINE_S = 60


def counts(client: Client) -> dict[str, int]:
    """Requests in each rung of the ladder."""
    return {
        rung: client.query(
            "select sum(requests) from {rung:Identifier}", parameters={"rung": rung}
        ).result_columns[0][0]
        for rung in RUNGS
    }


@pytest.fixture
def inserter(database_url: str, migrated: Client) -> ClickHouseInserter:
    return ClickHouseInserter(database_url)


def test_batch_whose_answer_was_lost_counts_once(inserter: ClickHouseInserter, migrated: Client) -> None:
    for _ in range(3):
        inserter.insert("raw_http_requests", REQUEST, "token-1")
    assert counts(migrated) == dict.fromkeys(RUNGS, 1)
    inserter.insert("raw_http_requests", REQUEST, "token-2")
    assert counts(migrated) == dict.fromkeys(RUNGS, 2), "another batch is another arrival"


def test_batch_that_failed_in_a_view_is_complete_after_it_was_sent_again(
    inserter: ClickHouseInserter, migrated: Client
) -> None:
    migrated.command("alter table agg_requests_hour add constraint closed check requests = 0")
    with pytest.raises(InsertFailed):
        inserter.insert("raw_http_requests", REQUEST, "token-1")
    migrated.command("alter table agg_requests_hour drop constraint closed")
    for _ in range(2):
        inserter.insert("raw_http_requests", REQUEST, "token-1")
    assert counts(migrated) == dict.fromkeys(RUNGS, 1)
    assert migrated.query("select count() from raw_http_requests").result_rows == [(1,)]


def test_rows_that_are_too_old_leave_with_their_partition_and_others_are_not_rewritten(
    migrated: Client,
) -> None:
    old, recent = NOW - timedelta(days=17), NOW - timedelta(days=1)
    for moment in (old, recent):
        migrated.insert("raw_agent_ticks", [["web1", moment, 1]], column_names=["sensor", "ts", "run_id"])
    parts = (
        "select name from system.parts"
        " where active and table = 'raw_agent_ticks' and database = currentDatabase()"
    )
    before = set(migrated.query(parts).result_columns[0])
    kept = {name for name in before if name.startswith(f"{recent:%Y%m%d}")}
    assert len(before) - len(kept) <= 1
    migrated.command("alter table raw_agent_ticks modify setting merge_with_ttl_timeout = 1")
    give_up = time.monotonic() + DEADLINE_S
    while set(migrated.query(parts).result_columns[0]) != kept and time.monotonic() < give_up:
        time.sleep(0.2)
    assert set(migrated.query(parts).result_columns[0]) == kept


def test_every_table_that_forgets_drops_whole_partitions(migrated: Client) -> None:
    expiring = migrated.query(
        "select name, partition_key, create_table_query from system.tables"
        " where database = currentDatabase() and create_table_query like '%TTL %'"
    ).result_rows
    assert {"raw_http_requests", "raw_tls_hellos", "verdicts", "bot_scores"} <= {
        name for name, *_ in expiring
    }
    assert [name for name, _, ddl in expiring if "ttl_only_drop_parts = 1" not in ddl] == []
    # One row a fingerprint or value: too few for partitions, and dropped part by part all the same.
    unpartitioned = {name for name, partition_key, _ in expiring if not partition_key}
    assert unpartitioned == {"agg_ja4_seen", "agg_first_seen"}
