"""The marts, built by dbt from rows that the agent's encoder wrote. Expected numbers are worked by hand."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from capture_agent.events import AgentTick

if TYPE_CHECKING:
    from clickhouse_connect.driver import Client

pytestmark = pytest.mark.slow

SPOOFER = "198.51.100.66"
VISITOR = "198.51.100.1"


def one(client: Client, sql: str, **parameters: object) -> dict[str, Any]:
    found = list(client.query(sql, parameters=parameters).named_results())
    assert len(found) == 1, found
    return found[0]


def entity(client: Client, hour: datetime, client_ip: str, mart: str = "fct_entity_hour") -> dict[str, Any]:
    return one(
        client,
        "select * from {mart:Identifier} where hour = {hour:DateTime64(0, 'UTC')}"
        " and client_ip = toIPv6({client_ip:String})",
        mart=mart,
        hour=hour,
        client_ip=client_ip,
    )


def of_hour(rows: list[str], hour: datetime) -> list[str]:
    named = [(row, json.loads(row)) for row in rows]
    return [row for row, of in named if (of.get("hour") or of["minute"]).startswith(f"{hour:%Y-%m-%d %H:}")]


def test_build_passes_every_unit_test_and_data_test_without_warning(warehouse: Any) -> None:
    assert "WARN=0 ERROR=0 SKIP=0" in warehouse.build_log
    assert re.search(r"\b[1-9]\d unit tests", warehouse.build_log)


def test_person_contradicts_nothing(warehouse: Any) -> None:
    row = entity(warehouse.client, warehouse.hours[2], VISITOR)
    assert (row["requests"], row["connections"], row["paths"], row["status_4xx"]) == (6, 2, 6, 1)
    assert (row["ua_family"], row["ua_version"], row["is_sufficient"]) == ("Chrome", 156, True)
    contradictions = (
        "ua_ja4_known_mismatch",
        "alpn_proto_gap",
        "tls_floor_gap",
        "grease_missing",
        "pq_missing",
        "ttl_os_mismatch",
        "mss_tunnel",
        "hdr_required_missing",
        "secfetch_missing",
        "secfetch_incoherent",
        "ch_ua_mismatch",
        "ch_platform_mismatch",
        "resumption_ratio",
    )
    assert {name: row[name] for name in contradictions} == dict.fromkeys(contradictions, 0.0)
    assert row["sni_host_mismatch"] is None, "ECH hides the site's name"
    assert row["hdr_case_odd"] is None, "HTTP/2 has no case"


def test_script_under_a_browsers_name_shows_in_every_layer(warehouse: Any) -> None:
    row = entity(warehouse.client, warehouse.hours[2], SPOOFER)
    seven_of_seven = 7 / 8
    shown = (
        "ua_ja4_known_mismatch",
        "alpn_proto_gap",
        "grease_missing",
        "pq_missing",
        "ttl_os_mismatch",
        "mss_tunnel",
        "hdr_required_missing",
        "secfetch_missing",
    )
    assert {name: row[name] for name in shown} == dict.fromkeys(shown, seven_of_seven)
    assert (row["tls_floor_gap"], row["sni_host_mismatch"]) == (0.0, 0.0)
    assert (row["ch_ua_mismatch"], row["secfetch_incoherent"]) == (None, None)


def test_request_without_tls_is_an_entity_without_fingerprint(warehouse: Any) -> None:
    row = entity(warehouse.client, warehouse.hours[2], "2001:db8::7")
    assert (row["ja4_stable"], row["ja4"], row["host"], row["matched_requests"]) == ("", "", "shop.test", 0)
    assert row["is_sufficient"] is False
    assert [row[name] for name in ("ua_ja4_bits", "grease_missing", "ja4_per_ip", "mss_tunnel")] == [None] * 4


def test_fingerprint_seen_only_in_hellos_is_kept_as_a_scanner(warehouse: Any) -> None:
    row = one(
        warehouse.client,
        "select * from fct_ja4_hour where ja4_stable = 'scan' and hour = {hour:DateTime64(0, 'UTC')}",
        hour=warehouse.hours[2],
    )
    assert (row["hellos"], row["hellos_unused"], row["requests"], row["browser_ratio"]) == (1, 1, 0, None)


def test_rows_stored_twice_count_once(warehouse: Any) -> None:
    assert warehouse.client.query("select count() from stg_http_requests").first_row == (3 * 14 + 4,)


def test_hour_built_again_has_the_same_rows(warehouse: Any) -> None:
    hour = warehouse.hours[2]
    for table, rows in warehouse.first.items():
        assert of_hour(rows, hour), table
        assert of_hour(rows, hour) == of_hour(warehouse.second[table], hour), table


def test_late_rows_appear_when_their_hour_is_built_again_and_only_there(warehouse: Any) -> None:
    early, middle, _ = warehouse.hours
    assert entity(warehouse.client, middle, SPOOFER)["requests"] == 9
    assert entity(warehouse.client, early, SPOOFER)["requests"] == 7
    for table, rows in warehouse.first.items():
        assert of_hour(rows, early) == of_hour(warehouse.second[table], early), table


def test_minutes_add_up_to_the_hour(warehouse: Any) -> None:
    row = one(
        warehouse.client,
        "select sum(requests) as requests, sum(errors_4xx) as errors, sum(response_bytes) as bytes"
        " from fct_request_minute where minute >= {hour:DateTime64(0, 'UTC')}"
        " and minute < {hour:DateTime64(0, 'UTC')} + toIntervalHour(1)",
        hour=warehouse.hours[2],
    )
    assert row == {"requests": 14, "errors": 1, "bytes": 600}


def test_ledgers_of_two_runs_add_up_but_their_levels_do_not(warehouse: Any) -> None:
    row = one(
        warehouse.client,
        "select * from fct_sensor_minute where minute = {hour:DateTime64(0, 'UTC')}",
        hour=warehouse.hours[2],
    )
    assert (row["http_events_seen"], row["requests_matched"], row["requests_waiting"]) == (15, 13, 1)


def test_every_counter_of_the_ledger_reaches_the_mart(warehouse: Any) -> None:
    found = warehouse.client.query("select * from fct_sensor_minute limit 0").column_names
    assert {*found} - {"minute"} == {*AgentTick.__struct_fields__} - {"ts", "run_id"}


def test_verdict_and_score_stand_beside_their_entity_and_others_are_unknown(warehouse: Any) -> None:
    judged = entity(warehouse.client, warehouse.hours[2], SPOOFER, "fct_entity_verdict")
    other = entity(warehouse.client, warehouse.hours[2], VISITOR, "fct_entity_verdict")
    assert (judged["verdict"], judged["verdict_source"], judged["model_version"]) == ("bad_bot", "model", "3")
    assert judged["evidence"] == {"grease_missing": "0.875"}
    assert (judged["p_value"], judged["traffic_class"], judged["is_alert"]) == (0.002, "tool", True)
    assert (other["p_value"], other["traffic_class"], other["is_alert"]) == (None, "", False)
    # 0.55 / (1 + exp(-(0.9 - 0.6) / 0.04)); the decision is the model's, so that no rule adds to it.
    assert judged["suspicion"] == pytest.approx(0.549696, abs=1e-5)
    assert other["suspicion"] == 0.0
    assert judged["top_features"][0]["contribution"] == 0.4
    assert (other["verdict"], other["anomaly_score"], other["decided_at"]) == ("unknown", None, None)
    assert (other["top_features"], other["evidence"]) == ([], {})


def test_members_of_a_campaign_read_the_verdicts_of_their_own_hours_only(warehouse: Any) -> None:
    client, (hour, *_) = warehouse.client, warehouse.hours
    columns = [
        "hour",
        "campaign_id",
        "client_ip",
        "ja4_stable",
        "host",
        "requests",
        "probability",
        "computed_at",
    ]
    row = [hour, "Cbound", SPOOFER, "t13d1811h1_85036bcba153_375ca2c5e164", "shop.test", 7, 1.0, hour]
    client.insert("campaign_members", [row], column_names=columns)
    question = "select * from fct_campaign_member where campaign_id = 'Cbound'"
    assert one(client, question)["verdict"] == "unknown"
    read = {table: parts for _, table, parts, *_ in client.query(f"explain estimate {question}").result_rows}
    assert read["fct_entity_judgement"] == 1, "a part is an hour, and three are stored"


def test_known_client_is_named_by_its_exact_fingerprint(warehouse: Any) -> None:
    names = dict(warehouse.client.query("select ja4_stable, known_families from dim_ja4").result_rows)
    assert names["t13d1811h1_85036bcba153_375ca2c5e164"] == ["python-requests", "urllib3"]
    assert names["scan"] == []


def test_every_time_column_of_the_marts_is_utc(warehouse: Any) -> None:
    types = warehouse.client.query(
        "select table, name, type from system.columns where database = currentDatabase()"
        " and match(table, '^(fct|dim|int|stg)_') and match(type, 'DateTime') and not match(type, 'UTC')"
    ).result_rows
    assert types == []


def test_clients_get_the_hour_that_was_stored(warehouse: Any) -> None:
    hours = warehouse.client.query(
        "select distinct toUnixTimestamp(hour) from fct_entity_hour order by 1"
    ).result_columns[0]
    assert list(hours) == [int(hour.timestamp()) for hour in warehouse.hours]
    assert warehouse.hours[1] - warehouse.hours[0] == timedelta(hours=1)
