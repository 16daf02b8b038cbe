"""What dbt sends to one machine and to a cluster: reviewed as text, run by the engine, equal in rows."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ja4_assets.intel.catalogue import SOURCES_BY_NAME
from ja4_assets.intel.fetch import Fetched
from ja4_assets.intel.store import activate
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage.engines import Topology

pytestmark = pytest.mark.slow

SNAPSHOTS = Path(__file__).with_name("snapshots")
MODES = ("one_machine", "cluster")


@pytest.fixture(scope="session")
def both(warehouse: Any, warehouse_of_a_cluster: Any) -> dict[str, Any]:
    """Mode -> warehouse, built with the same rows."""
    return dict(zip(MODES, (warehouse, warehouse_of_a_cluster), strict=True))


@pytest.mark.parametrize("mode", MODES)
def test_statements_are_those_that_were_reviewed(
    both: dict[str, Any], warehouse_parts: SimpleNamespace, mode: str
) -> None:
    """After a change of a model's configuration: run with JA4_WRITE_SNAPSHOTS=1, and read the difference."""
    statements = warehouse_parts.statements
    text = statements.readable(statements.sent(both[mode].folder / "logs"))
    snapshot = SNAPSHOTS / f"dbt_{mode}.sql"
    if os.environ.get("JA4_WRITE_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(text)
    assert text == snapshot.read_text()


def test_engine_parses_every_statement_for_a_cluster(
    warehouse_of_a_cluster: Any, warehouse_parts: SimpleNamespace
) -> None:
    statements = warehouse_parts.statements.sent(warehouse_of_a_cluster.folder / "logs")
    assert len(statements) > 300
    for one in {each.text for each in statements}:
        warehouse_of_a_cluster.client.query(
            "select formatQuery({statement:String})", parameters={"statement": one}
        )


def test_a_cluster_has_the_rows_of_one_machine(both: dict[str, Any]) -> None:
    one_machine, cluster = both.values()
    assert cluster.first == one_machine.first
    assert cluster.second == one_machine.second


def test_an_hour_without_requests_is_dropped_on_every_server(
    both: dict[str, Any], warehouse_parts: SimpleNamespace
) -> None:
    emptied = both["cluster"].hours[2] + timedelta(hours=1)
    for warehouse in both.values():
        found = warehouse.client.query(
            "select count() from fct_ja4_hour where hour = {emptied:DateTime64(0, 'UTC')}",
            parameters={"emptied": emptied},
        )
        assert found.first_row == (0,)
    statements = warehouse_parts.statements
    sent = statements.sent(both["cluster"].folder / "logs")
    dropped = [(one.model, statements.shortened(one)) for one in sent if "drop partition" in one.text]
    assert dropped == [("fct_ja4_hour", 'alter table <t>_local ON CLUSTER "ja4" drop partition <p>')]


def test_rows_that_replace_others_are_on_every_replica_before(
    both: dict[str, Any], warehouse_parts: SimpleNamespace
) -> None:
    statements = warehouse_parts.statements
    sent = [
        (one.model, statements.shortened(one)) for one in statements.sent(both["cluster"].folder / "logs")
    ]
    replaced = [(model, text) for model, text in sent if "replace partition" in text]
    assert len({model for model, _ in replaced}) == len(replaced) > 10
    for model, text in replaced:
        before = [other for owner, other in sent[: sent.index((model, text))] if owner == model][-1]
        assert re.fullmatch(r'system sync replica ON CLUSTER "ja4" <t>__dbt_new_data_<run>', before)


def test_versions_of_reference_data_are_replaced_on_every_server(warehouse_of_a_cluster: Any) -> None:
    source = replace(SOURCES_BY_NAME["country"], smallest=1)
    database = ClickHouseResource(url=warehouse_of_a_cluster.database_url)
    for country in ("DE", "FR", "IT", "ES"):
        line = f"192.0.2.0,192.0.2.255,{country}\n"
        fetched = Fetched({"asn-country-ipv4.csv": line.encode()}, "test", datetime.now(UTC).date())
        activate(database, source, fetched, Topology("ja4"))
    kept = database.read("select toString(country) as country from intel_networks_local order by country")
    assert kept["country"].to_list() == ["ES", "IT"]
    found = database.read(
        "select dictGet(currentDatabase() || '.intel_country', 'country', toIPv6('192.0.2.7')) as country"
    )
    assert found.item() == "ES"
