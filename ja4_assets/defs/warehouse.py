"""The dbt project's models, seeds and tests as assets and asset checks."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.settings import AssetSettings
from ja4_assets.warehouse.lineage import LineageError, column_lineage
from ja4_assets.warehouse.project import dbt_environment, dbt_executable, prepared_project
from ja4_assets.warehouse.translator import WarehouseTranslator

PROJECT = prepared_project(AssetSettings().clickhouse_url)
TRANSLATOR = WarehouseTranslator(HOURS)
STORED_MODELS = " ".join(
    f"config.materialized:{kind}"
    for kind in ("incremental", "table", "distributed_incremental", "distributed_table")
)
"""The models that hold rows of their own: what grows old when it is not built again. Views never do."""

UNIT_TESTS = "resource_type:unit_test"
"""They test the SQL on made-up rows: a matter for the test suite, not for a run every 5 minutes."""

POOL = "warehouse"

COLUMNS = """
select table, name, type
from system.columns
where database = currentDatabase()
order by table, position
"""


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    name="warehouse",
    backfill_policy=FEW_HOURS,
    pool=POOL,
)
def warehouse(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, clickhouse: ClickHouseResource
) -> Iterator[Any]:
    """Every node of the project; of the hourly models a run replaces its hours, the others whole.

    One definition, so that models with and without partitions share one start of dbt, which costs more than
    building them. Dagster runs it a second time only for what needs the verdicts.
    """
    has_hours = context.has_partition_key or context.has_partition_key_range
    window = HourWindow.of(context) if has_hours else None
    yield from run_dbt(context, dbt, clickhouse, window)


def run_dbt(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    clickhouse: ClickHouseResource,
    window: HourWindow | None,
) -> Iterator[Any]:
    """`dbt build` of the run's selection; its events become materialisations and check results."""
    # dagster-dbt passes this process's environment on and takes no other.
    os.environ.update(dbt_environment(clickhouse.url))
    os.environ.update(window_environment(window))
    # A test of two models waits for the run that builds the later one; dbt's default starts it with either.
    os.environ["DBT_INDIRECT_SELECTION"] = "buildable"
    invocation = dbt.cli(["build", "--exclude", UNIT_TESTS], context=context)
    try:
        for event in invocation.stream():
            if isinstance(event, dg.Output) and "unique_id" in event.metadata:
                unique_id = str(event.metadata["unique_id"].value)
                found = column_metadata(context, clickhouse, invocation.target_path, unique_id)
                yield event.with_metadata({**event.metadata, **found})
            else:
                yield event
    finally:
        # Each invocation writes a target folder with its own manifest, and nobody else removes it.
        shutil.rmtree(invocation.target_path, ignore_errors=True)


def window_environment(window: HourWindow | None) -> dict[str, str]:
    """The hours to rebuild, as `macros/hour_window.sql` reads them; empty text for all that is stored."""
    return {
        "JA4_START_HOUR": f"{window.start:%Y-%m-%d %H:00:00}" if window else "",
        "JA4_END_HOUR": f"{window.end:%Y-%m-%d %H:00:00}" if window else "",
    }


def column_metadata(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource, target: Path, unique_id: str
) -> dict[str, Any]:
    """Columns with types and descriptions, and what each is made from, of a model that was just built."""
    node = manifest_nodes()[unique_id]
    types: dict[str, dict[str, str]] = {}
    for table, column, kind in clickhouse.read(COLUMNS).iter_rows():
        types.setdefault(table, {})[column] = kind
    described = {name: str(props.get("description") or "") for name, props in node["columns"].items()}
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(name=name, type=kind, description=described.get(name) or None)
            for name, kind in types.get(node["name"], {}).items()
        ]
    )
    metadata: dict[str, Any] = {"dagster/column_schema": schema}
    compiled = target / "compiled" / node["package_name"] / node["original_file_path"]
    if node["resource_type"] != "model" or not compiled.exists():
        return metadata
    try:
        sources = column_lineage(compiled.read_text(), types)
    except LineageError as error:
        context.log.warning(f"no column lineage for {node['name']}: {error}")
        return metadata
    metadata["dagster/column_lineage"] = dg.TableColumnLineage(
        deps_by_column={
            name: [dg.TableColumnDep(dg.AssetKey(table), column) for table, column in pairs]
            for name, pairs in sources.items()
        }
    )
    return metadata


def dbt_resource() -> DbtCliResource:
    """dbt for the project, by the interpreter that runs this."""
    return DbtCliResource(project_dir=PROJECT, dbt_executable=dbt_executable())


@cache
def manifest_nodes() -> Mapping[str, Any]:
    """The nodes of the manifest that was loaded."""
    nodes: Mapping[str, Any] = json.loads(PROJECT.manifest_path.read_text())["nodes"]
    return nodes
