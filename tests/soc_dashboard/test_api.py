"""The JSON API over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from fastapi.testclient import TestClient

CHROMIUM = "t13d1517h2_8daaf6152771_cb7bf5808d99"


@pytest.fixture(scope="module")
def api(open_dashboard: Callable[[str], TestClient], day_dsn: str) -> TestClient:
    return open_dashboard(day_dsn)


def assert_problem(answer: Any, status: int) -> None:
    """RFC 9457: media type, and a status in the body that equals the response's."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert set(body) == {"type", "title", "status", "detail", "instance"}


def test_health_names_the_age_of_the_newest_request(api: TestClient) -> None:
    answer = api.get("/api/health")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] in {"ok", "stale"}
    assert body["missing_columns"] == []
    assert 0 <= body["newest_age_s"] < timedelta(hours=1).total_seconds()


def test_health_tells_how_right_the_joins_of_the_last_hour_were(api: TestClient) -> None:
    (joins,) = api.get("/api/health").json()["join_accuracy"]
    assert joins["sensor"] == "web-01"
    # Of each hour's 3,600 requests two were joined wrongly and two not at all; two more were not reported.
    assert joins["requests"] in range(3_540, 3_601, 60)
    assert joins["recall"] == pytest.approx((joins["requests"] - 4) / joins["requests"])
    assert joins["precision"] == pytest.approx((joins["requests"] - 4) / (joins["requests"] - 2))
    assert joins["requests_unreported"] == 2


def test_health_of_empty_marts_is_empty(open_dashboard: Callable[[str], TestClient], empty_dsn: str) -> None:
    assert open_dashboard(empty_dsn).get("/api/health").json()["status"] == "empty"


def test_health_without_marts_is_a_schema_mismatch(
    open_dashboard: Callable[[str], TestClient], clickhouse_dsn: str
) -> None:
    body = open_dashboard(f"{clickhouse_dsn}/default").get("/api/health").json()
    assert body["status"] == "schema_mismatch"
    assert "dim_ja4.ja4_stable" in body["missing_columns"]


def test_health_without_a_database_is_503_and_says_when_to_retry(
    open_dashboard: Callable[[str], TestClient],
) -> None:
    answer = open_dashboard("http://ja4:x@127.0.0.1:1/none").get("/api/health")
    assert_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"


def test_known_fingerprint_is_described(api: TestClient, mart_tables: ModuleType) -> None:
    body = api.get(f"/api/ja4/{CHROMIUM}").json()
    assert body["known_client"] == "Chromium 156"
    assert body["hello"]["tls_version"] == "TLS 1.3"
    assert {"code": "1301", "name": "TLS_AES_128_GCM_SHA256"} in body["hello"]["cipher_suites"]
    assert body["requests"] == sum(row["requests"] for row in body["verdicts"]) > 0
    assert all(isinstance(row["conn_id"], str) for row in body["newest_requests"])
    assert not [row for row in body["top_clients"] if "ffff" in row["client_ip"]]


def test_variant_is_answered_with_its_stable_form(api: TestClient) -> None:
    body = api.get("/api/ja4/" + CHROMIUM.replace("1517", "1518")).json()
    assert body["ja4_stable"] == CHROMIUM
    assert body["fingerprint"] != body["ja4_stable"]


def test_fixed_span_limits_the_figures(api: TestClient) -> None:
    whole = api.get(f"/api/ja4/{CHROMIUM}?range=7d").json()
    span = {"since": whole["as_of"], "until": "2100-01-01T00:00:00Z"}
    assert api.get(f"/api/ja4/{CHROMIUM}", params=span).json()["requests"] == 0


@pytest.mark.parametrize(
    "asked", ["t13d0000", "%00", "%3Cscript%3E", "..%2f..%2fetc", "x" * 150, "%F0%9F%92%A9"]
)
def test_unknown_fingerprint_is_a_404_problem(api: TestClient, asked: str) -> None:
    assert_problem(api.get(f"/api/ja4/{asked}"), 404)


@pytest.mark.parametrize(
    "query",
    [
        "range=never",
        "since=2026-01-01T00:00:00Z",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "since=yesterday&until=today",
    ],
)
def test_bad_span_is_a_422_problem(api: TestClient, query: str) -> None:
    assert_problem(api.get(f"/api/ja4/{CHROMIUM}?{query}"), 422)


def test_an_address_is_answered_with_its_entities_and_requests(api: TestClient) -> None:
    body = api.get("/api/ip/::ffff:203.0.113.44?range=7d").json()
    assert body["client_ip"] == "203.0.113.44"
    assert body["requests"] == sum(row["requests"] for row in body["verdicts"]) > 0
    assert {row["client_ip"] for row in body["top_entities"] + body["newest_requests"]} == {"203.0.113.44"}
    assert body["clients"] == 1


def test_a_host_is_answered_with_its_visitors(api: TestClient) -> None:
    body = api.get("/api/host/api.shop.test?range=7d").json()
    assert body["requests"] > 0
    assert {row["host"] for row in body["top_entities"] + body["newest_requests"]} == {"api.shop.test"}


def test_requests_are_searched_and_paged(api: TestClient) -> None:
    whole = api.get("/api/requests", params={"q": "status:4xx -host:shop.test", "page_rows": 500}).json()
    assert whole["total"] >= len(whole["requests"]) > 50
    assert not whole["is_total_limited"]
    assert all(400 <= row["status"] < 500 and row["host"] != "shop.test" for row in whole["requests"])
    span = {"since": whole["span"]["since"], "until": whole["span"]["until"]}
    second = api.get("/api/requests", params={"q": whole["query"], "page": 2, "page_rows": 20, **span}).json()
    assert second["requests"] == whole["requests"][20:40]


def test_a_query_with_a_mistake_is_a_422_problem_with_its_place(api: TestClient) -> None:
    answer = api.get("/api/requests", params={"q": "host:a colour:red"})
    assert_problem(answer, 422)
    assert answer.json()["detail"].startswith("q, character 8: there is no field `colour`")


def test_verdicts_are_listed_worst_first(api: TestClient) -> None:
    body = api.get("/api/verdicts?range=7d").json()
    assert body["total"] == len(body["entities"]) > 0
    assert {row["verdict"] for row in body["entities"]} == {"suspicious", "bad_bot"}
    assert body["entities"][0]["verdict"] == "bad_bot"
    humans = api.get("/api/verdicts?range=7d&verdict=human").json()
    assert {row["verdict"] for row in humans["entities"]} == {"human"}


@pytest.mark.parametrize(
    "path", ["ip/nowhere", "requests?page=0", "requests?page_rows=9999", "verdicts?verdict=evil"]
)
def test_questions_that_make_no_sense_are_422_problems(api: TestClient, path: str) -> None:
    assert_problem(api.get(f"/api/{path}"), 422)


def test_unknown_route_is_a_404_problem(api: TestClient) -> None:
    assert_problem(api.get("/api/none"), 404)


def test_openapi_describes_the_routes_and_their_errors(api: TestClient) -> None:
    document = api.get("/api/openapi.json").json()
    named = {"health", "ja4/{fingerprint}", "ip/{address}", "host/{name}", "requests", "verdicts"}
    assert {f"/api/{name}" for name in named} <= set(document["paths"])
    answers = document["paths"]["/api/ja4/{fingerprint}"]["get"]["responses"]
    assert set(answers) == {"200", "304", "401", "403", "404", "422", "503"}
    for status in ("401", "403", "404", "422", "503"):
        schema = answers[status]["content"]["application/problem+json"]["schema"]
        assert set(schema["properties"]) == {"type", "title", "status", "detail", "instance"}


def test_hostile_values_pass_through_json_unchanged(
    open_dashboard: Callable[[str], TestClient], hostile_dsn: str, mart_tables: ModuleType
) -> None:
    body = open_dashboard(hostile_dsn).get(f"/api/ja4/{mart_tables.SCRAPER.ja4}").json()
    assert {row["path"] for row in body["newest_requests"]} == set(mart_tables.HOSTILE_TEXTS)
