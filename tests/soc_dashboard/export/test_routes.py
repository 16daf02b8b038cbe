"""`/export/<table>.<kind>`: the rows that match, as a file."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta

import clickhouse_connect
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from soc_dashboard.export.routes import export_router
from soc_dashboard.store.database import MartDatabase


@pytest.fixture
def browser(day_marts: MartDatabase) -> TestClient:
    app = FastAPI()
    app.include_router(export_router(day_marts))
    return TestClient(app)


@pytest.fixture
def span(now: datetime) -> dict[str, int]:
    return {"since": int((now - timedelta(days=2)).timestamp()), "until": int(now.timestamp()) + 60}


def test_a_file_has_the_rows_of_query_and_scope(
    browser: TestClient, span: dict[str, int], day_dsn: str
) -> None:
    answer = browser.get(
        "/export/requests.csv", params={**span, "q": "status:404", "scope": 'host:"shop.test"'}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert answer.headers["x-row-limit"] == "50000"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        counted = client.query(
            "select count() from fct_request where status = 404 and host = 'shop.test'"
        ).first_row[0]
    assert len(rows) == counted > 0


@pytest.mark.parametrize("table", ["alerts", "entities", "fingerprints", "campaigns", "labels", "audit"])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_every_table_becomes_a_file(browser: TestClient, span: dict[str, int], table: str, kind: str) -> None:
    assert browser.get(f"/export/{table}.{kind}", params=span).status_code == 200


def test_the_file_of_campaigns_has_those_in_the_state_that_is_shown(
    browser: TestClient, span: dict[str, int]
) -> None:
    def states(status: str) -> list[str]:
        answer = browser.get("/export/campaigns.csv", params={**span, "status": status})
        return [row["status"] for row in csv.DictReader(io.StringIO(answer.text))]

    everything = states("")
    assert set(everything) > {"alive"}
    assert states("alive") == ["alive"] * everything.count("alive")


@pytest.mark.parametrize(
    ("path", "changed", "status"),
    [
        ("/export/secrets.csv", {}, 404),
        ("/export/requests.exe", {}, 422),
        ("/export/requests.csv", {"since": -1}, 422),
        ("/export/requests.csv", {"until": 1_600_000_000}, 422),
        ("/export/requests.csv", {"q": "nofield:x"}, 422),
        ("/export/requests.csv", {"scope": 'host:"'}, 422),
        ("/export/campaigns.csv", {"status": "' or 1=1"}, 422),
        ("/export/entities.csv", {"verdict": "'; drop table x"}, 422),
    ],
)
def test_what_makes_no_sense_is_refused(
    browser: TestClient, span: dict[str, int], path: str, changed: dict[str, object], status: int
) -> None:
    assert browser.get(path, params={**span, **changed}).status_code == status
