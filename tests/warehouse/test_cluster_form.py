"""What the one setting makes of every stored model and seed, as dbt parsed it."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def nodes(warehouse_of_a_cluster: Any) -> dict[str, Any]:
    """Name -> node of the manifest of a cluster."""
    manifest = json.loads((warehouse_of_a_cluster.folder / "target" / "manifest.json").read_text())
    return {node["name"]: node for node in manifest["nodes"].values()}


def test_every_model_that_holds_rows_is_replicated_and_distributed(nodes: dict[str, Any]) -> None:
    models = [node for node in nodes.values() if node["resource_type"] == "model"]
    stored = [node["config"] for node in models if node["config"]["materialized"] != "view"]
    assert len(stored) > 15
    assert {config["materialized"] for config in stored} == {"distributed_incremental"}
    assert all(config["engine"].startswith("ReplicatedMergeTree('/clickhouse/") for config in stored)


def test_rows_of_a_client_are_on_one_shard_in_every_model_that_has_clients(nodes: dict[str, Any]) -> None:
    keys = {
        name: node["config"]["sharding_key"]
        for name, node in nodes.items()
        if str(node["config"].get("materialized", "")).startswith("distributed")
    }
    clients = {name for name in keys if "client_ip" in nodes[name]["columns"] and name != "dim_ja4"}
    assert {keys[name] for name in clients} == {"cityHash64(client_ip)"}
    assert keys["fct_ja4_hour"] == keys["dim_ja4"] == "cityHash64(ja4_stable)"
    assert (keys["fct_asn_hour"], keys["fct_host_hour"]) == ("cityHash64(asn)", "cityHash64(host)")


def test_every_server_has_all_of_a_seed(nodes: dict[str, Any]) -> None:
    engines = {node["config"]["engine"] for node in nodes.values() if node["resource_type"] == "seed"}
    (engine,) = engines
    assert "/clickhouse/tables/all/" in engine
    assert "'{shard}-{replica}'" in engine
