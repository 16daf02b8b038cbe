"""Campaigns as Dagster computes them, on a real database; an hour that is repeated replaces its rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import dagster as dg
import polars as pl
import pytest

from ja4_assets.defs.campaigns import NONE_LEFT_OUT, campaigns
from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.defs.schedules import hour_range_tags
from ja4_assets.resources.clickhouse import ClickHouseResource

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

Row = dict[str, object]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
EARLIER = NOW - timedelta(hours=1)
JA4 = "t13d0512h2_aaaaaaaaaaaa_bbbbbbbbbbbb"

TABLES = (
    """create table fct_entity_verdict (
        hour DateTime64(0, 'UTC'), client_ip IPv6, ja4_stable LowCardinality(String),
        host LowCardinality(String),
        requests UInt64, first_ts DateTime64(6, 'UTC'), last_ts DateTime64(6, 'UTC'), ua_family String,
        verdict String
    ) engine = MergeTree order by hour""",
    """create table fct_request (
        ts DateTime64(6, 'UTC'), client_ip IPv6, ja4_stable LowCardinality(String),
        host LowCardinality(String),
        path String, header_order_hash Nullable(String)
    ) engine = MergeTree order by ts""",
    "alter table fct_entity_hour add column asn UInt32, add column asn_kind String",
)


class Traffic:
    """Bots of one operator, hour by hour, and how they are judged."""

    def __init__(self, clickhouse: ClickHouseResource, entity_hour: Callable[..., Row]) -> None:
        self.clickhouse, self.entity_hour = clickhouse, entity_hour
        for statement in TABLES:
            clickhouse.command(statement)

    def add(self, hour: datetime, numbers: range, verdict: str = "suspicious") -> None:
        """Ten requests of each address, every other second."""
        keys = {number: f"::ffff:203.0.113.{number}" for number in numbers}
        times = {"hour": hour, "first_ts": hour, "last_ts": hour + timedelta(seconds=18)}
        shared = {"ja4_stable": JA4, "host": "shop.test", "requests": 10}
        features = {
            "iat_cv": 0.1,
            "burstiness": -0.8,
            "mode_share": 0.9,
            "reqs_per_conn": 10.0,
            "conc_max": 1.0,
        }
        entities = [
            self.entity_hour(number, client_ip=key, **shared, **times, **features)
            | {"asn": 64500, "asn_kind": "hosting"}
            for number, key in keys.items()
        ]
        judged = [
            {"client_ip": key, "ua_family": "Chrome", "verdict": verdict, **shared, **times}
            for key in keys.values()
        ]
        asked = [
            {
                "ts": hour + timedelta(seconds=2 * second),
                "client_ip": key,
                "ja4_stable": JA4,
                "host": "shop.test",
                "path": f"/login/{second}",
                "header_order_hash": "abc",
            }
            for key in keys.values()
            for second in range(10)
        ]
        for table, rows in (
            ("fct_entity_hour", entities),
            ("fct_entity_verdict", judged),
            ("fct_request", asked),
        ):
            self.clickhouse.insert(table, pl.DataFrame(rows, infer_schema_length=None))

    def run(self, *hours: datetime) -> dg.ExecuteInProcessResult:
        """Compute one hour, or a range."""
        chosen: dict[str, object] = (
            {"partition_key": hours[0].strftime(PARTITION_FORMAT)}
            if len(hours) == 1
            else {"tags": hour_range_tags(*hours)}
        )
        return dg.materialize([campaigns], resources={"clickhouse": self.clickhouse}, **chosen)  # type: ignore[arg-type]

    def members(self, hour: datetime) -> set[tuple[str, str]]:
        """(campaign_id, client_ip) of an hour."""
        rows = self.clickhouse.read(
            "select toString(campaign_id) as id, toString(client_ip) as ip from campaign_members final"
            " where campaign_id != '' and campaign_members.hour = {hour:DateTime64(6, 'UTC')}",
            {"hour": hour},
        )
        return set(rows.iter_rows())

    def states(self) -> list[tuple[datetime, str, str, int]]:
        """(hour, campaign_id, status, entities), in order."""
        rows = self.clickhouse.read(
            "select toDateTime64(hour, 6, 'UTC') as hour, toString(campaign_id) as campaign_id,"
            " toString(status) as status, entities from campaigns final order by hour, campaign_id"
        )
        return list(rows.iter_rows())


@pytest.fixture
def traffic(database: ClickHouseResource, ordinary_entity_hour: Callable[..., Row]) -> Traffic:
    return Traffic(database, ordinary_entity_hour)


def test_a_range_of_hours_is_one_campaign_and_a_repetition_changes_nothing(traffic: Traffic) -> None:
    traffic.add(EARLIER, range(1, 6))
    traffic.add(EARLIER, range(100, 110), verdict="human")
    traffic.add(NOW, range(20, 25))
    result = traffic.run(EARLIER, NOW)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed) == (NONE_LEFT_OUT, True)
    states = traffic.states()
    (campaign_id,) = {state[1] for state in states}
    assert [(state[0], *state[2:]) for state in states] == [(EARLIER, "born", 5), (NOW, "alive", 5)]
    members = traffic.members(EARLIER)
    assert members == {(campaign_id, f"::ffff:203.0.113.{number}") for number in range(1, 6)}
    assert traffic.run(EARLIER, NOW).success
    assert (traffic.states(), traffic.members(EARLIER)) == (states, members)


def test_a_repeated_hour_withdraws_what_it_no_longer_finds(traffic: Traffic) -> None:
    traffic.add(NOW, range(1, 6))
    assert traffic.run(NOW).success
    assert len(traffic.members(NOW)) == 5
    traffic.clickhouse.command("truncate table fct_entity_verdict")
    traffic.add(NOW - timedelta(hours=9), range(1, 2))
    assert traffic.run(NOW).success
    assert traffic.members(NOW) == set()
    assert [state[2:] for state in traffic.states()] == [("withdrawn", 0)]


def test_late_entities_join_the_campaign_of_their_hour(traffic: Traffic) -> None:
    traffic.add(NOW, range(3, 7))
    assert traffic.run(NOW).success
    before = {campaign_id for campaign_id, _ in traffic.members(NOW)}
    traffic.add(NOW, range(1, 3))
    assert traffic.run(NOW).success
    assert {campaign_id for campaign_id, _ in traffic.members(NOW)} == before
    assert len(traffic.members(NOW)) == 6
