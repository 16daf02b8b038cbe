"""What `up` finds out about a database before it does anything."""

from __future__ import annotations

import clickhouse_connect
import pytest

from operator_cli import first_start
from operator_cli.settings import DATABASE, Settings


def test_models_of_a_newer_version_are_missing_in_an_older_database(
    clickhouse_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JA4_CLICKHOUSE_URL", f"{clickhouse_dsn}/{DATABASE}")
    with clickhouse_connect.get_client(dsn=clickhouse_dsn) as client:
        client.command(f"create database {DATABASE} engine = Atomic")
        try:
            client.command(f"create view {DATABASE}.dim_ja4 as select 1")
            missing = first_start.missing_models(Settings())
        finally:
            client.command(f"drop database {DATABASE} sync")
    assert "dim_ja4" not in missing
    assert {"fct_entity_hour", "stg_http_requests"} <= set(missing)
