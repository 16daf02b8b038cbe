"""The page about the API and the API's own description say the same."""

from __future__ import annotations

import re
from pathlib import Path

from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from soc_dashboard.access.registry import Accounts
from soc_dashboard.api.metrics import DashboardMetrics
from soc_dashboard.app import create_app
from soc_dashboard.settings import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "api.md").read_text("utf-8")
ROW = re.compile(r"^\| `(GET|POST|DELETE) (/api/[^`]*)` \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)


def described(app: FastAPI) -> dict[tuple[str, str], tuple[list[str], str]]:
    return {
        (method.upper(), path): (
            [one["name"] for one in operation.get("parameters", [])],
            operation["description"].rstrip("."),
        )
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }


def test_routes_parameters_and_words_are_those_of_the_description(accounts: Accounts) -> None:
    app = create_app(Settings(JA4_CLICKHOUSE_URL=SecretStr("http://ja4:x@127.0.0.1:1/none")), accounts)
    page = {
        (method, path): (re.findall(r"`(\w+)`", parameters), words)
        for method, path, parameters, words in ROW.findall(PAGE)
    }
    assert page == described(app)


def test_every_metric_is_named() -> None:
    metrics = DashboardMetrics()
    assert isinstance(metrics.registry, CollectorRegistry)
    for family in metrics.registry.collect():
        assert f"`{family.name}" in PAGE
