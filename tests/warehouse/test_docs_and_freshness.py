"""dbt's own documentation has every column and the way from the sensor to the queue; silence is seen."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

SOURCE = "source.ja4_platform.sensor.raw_http_requests"
QUEUE = "model.ja4_platform.fct_alert"


@pytest.fixture(scope="module")
def documented(
    warehouse: Any, project_root: Path, warehouse_parts: SimpleNamespace
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Manifest and catalogue, as `dbt docs serve` shows them."""
    warehouse_parts.dbt(
        warehouse.database_url, warehouse.folder, project_root / "dbt_clickhouse", "docs", "generate"
    )
    target = warehouse.folder / "target"
    assert (target / "index.html").stat().st_size > 100_000
    return json.loads((target / "manifest.json").read_text()), json.loads(
        (target / "catalog.json").read_text()
    )


def test_every_column_that_the_database_has_is_described(
    documented: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    manifest, catalogue = documented
    models = [name for name, node in manifest["nodes"].items() if node["resource_type"] == "model"]
    assert len(models) > 40
    undescribed = {
        f"{name}.{column}"
        for name in models
        for column in catalogue["nodes"][name]["columns"]
        if not manifest["nodes"][name]["columns"].get(column, {}).get("description")
    }
    assert undescribed == set()


def test_lineage_leads_from_the_sensor_to_the_queue_of_alerts(
    documented: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    parents = documented[0]["parent_map"]
    seen, waiting = set(), [QUEUE]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += parents.get(name, [])
    assert SOURCE in seen


def test_a_sensor_that_is_silent_for_hours_is_a_warning(
    warehouse: Any, project_root: Path, warehouse_parts: SimpleNamespace
) -> None:
    warehouse_parts.dbt(
        warehouse.database_url, warehouse.folder, project_root / "dbt_clickhouse", "source", "freshness"
    )
    results = json.loads((warehouse.folder / "target" / "sources.json").read_text())["results"]
    found = {result["unique_id"].split(".")[-1]: result["status"] for result in results}
    assert found == dict.fromkeys(("raw_http_requests", "raw_tls_hellos", "raw_agent_ticks"), "warn")
