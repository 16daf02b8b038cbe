"""The API against its own description: no server error, no answer that the description does not know."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from soc_dashboard.labels import MAX_NOTE

HOSTILE = (
    "'; drop table fct_request; --",
    "<script>document.title='owned'</script>",
    "=cmd|' /C calc'!A0",
    "x" * 10_000,
    "\u202eabc",
    "nul\0in",
    "{client_ip:String}",
    "\U0001f600",
)
TEXTS = ("q", "action", "ip", "ja4")
"""Parameters that take any text; the others are refused by their type."""
EXAMPLES = 10
"""For each operation, which takes some seconds in all; `docs/reference/api.md` has the long run."""
OPERATIONS = 19
"""At least: a description that lost its routes would be held by every answer."""


def as_program(client: TestClient) -> TestClient:
    """The client of a browser made one of a program, with a token of every scope."""
    account = client.get("/account").text
    csrf = re.search(r'name="csrf" value="(\w+)"', account)
    assert csrf is not None
    scopes = re.findall(r'name="scope" value="(\w+)"', account)
    form = {"csrf": csrf[1], "name": "tests", "days": "1", "scope": scopes}
    made = re.search(r"ja4_[0-9a-f]+_[\w-]+", client.post("/account/tokens", data=form).text)
    assert made is not None
    client.cookies.clear()
    client.headers["Authorization"] = f"Bearer {made[0]}"
    # The decisions are read in the background.
    deadline = time.monotonic() + 30
    while client.get("/api/lookup?ip=192.0.2.1").status_code == 503 and time.monotonic() < deadline:
        time.sleep(0.1)
    return client


@pytest.fixture(scope="module")
def api(open_dashboard: Callable[[str], TestClient], day_dsn: str) -> TestClient:
    """A program that asks about a day of rows."""
    return as_program(open_dashboard(day_dsn))


def test_every_operation_keeps_to_its_description(
    open_dashboard: Callable[[str], TestClient], day_dsn: str
) -> None:
    """Schemathesis makes questions from the description, good and bad ones, and judges each answer.

    It ends the application that it asked, so it gets one of its own.
    """
    api = as_program(open_dashboard(day_dsn))
    headers = {"Authorization": api.headers["Authorization"]}
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", api.app, headers=headers)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) >= OPERATIONS
    for operation in operations:

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def keeps_to_it(case: Any) -> None:
            answer = case.call(headers=headers)
            assert answer.status_code < 500, (case.operation.label, answer.text[:300])
            # That `since` needs `until`, or what a query may say, is more than a description can hold.
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])

        keeps_to_it()


def test_description_holds_the_api_and_nothing_else(api: TestClient) -> None:
    document = api.get("/api/openapi.json").json()
    assert all(path.startswith("/api/") for path in document["paths"])
    assert all(
        {"401", "403"} <= set(operation["responses"])
        for path in document["paths"].values()
        for operation in path.values()
    )


@pytest.mark.parametrize("value", HOSTILE, ids=lambda value: ascii(value[:12]))
def test_hostile_questions_are_answered_or_refused(api: TestClient, value: str) -> None:
    document = api.get("/api/openapi.json").json()
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        parameters = operations["get"].get("parameters", [])
        asked = {one["name"]: value for one in parameters if one["name"] in TEXTS}
        for name in asked or {"": ""}:
            filled = path.replace("{", "").replace("}", "")
            answer = api.get(filled, params={name: value} if name else {})
            assert answer.status_code in {200, 404, 422}, (path, name, answer.text[:300])


def test_hostile_labels_come_back_as_they_were_given(api: TestClient, mart_tables: ModuleType) -> None:
    for note in (text for text in mart_tables.HOSTILE_TEXTS if len(text) <= MAX_NOTE):
        body = {"scope": "client_ip", "targets": [{"client_ip": "192.0.2.7"}], "label": "human", "note": note}
        given_labels = api.post("/api/labels", json=body)
        assert given_labels.status_code == 201, given_labels.text
        listed = api.get("/api/labels", params={"page_rows": 1}).json()["labels"][0]
        assert listed["note"] == note
        revoked = api.delete(f"/api/labels/{given_labels.json()['labels'][0]['label_id']}")
        assert revoked.status_code == 200
