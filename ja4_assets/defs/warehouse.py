"""The dbt project's models, seeds and tests as assets and asset checks."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from ja4_assets.defs.partitions import HOURS, ONE_RUN, HourWindow
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.settings import AssetSettings
from ja4_assets.warehouse.project import dbt_environment, dbt_executable, prepared_project
from ja4_assets.warehouse.translator import WarehouseTranslator

PROJECT = prepared_project(AssetSettings().clickhouse_url)
TRANSLATOR = WarehouseTranslator()
HOURLY_MODELS = "config.materialized:incremental"
"""Rebuilt hour by hour; everything else in the project is a view, a seed or small enough to rebuild whole."""

UNIT_TESTS = "resource_type:unit_test"
"""They test the SQL on made-up rows: a matter for the test suite, not for a run every 5 minutes."""

POOL = "warehouse"


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    select=HOURLY_MODELS,
    name="warehouse_hours",
    partitions_def=HOURS,
    backfill_policy=ONE_RUN,
    pool=POOL,
)
def warehouse_hours(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, clickhouse: ClickHouseResource
) -> Iterator[Any]:
    """Models of which a run replaces whole hours."""
    variables = HourWindow.of(context).dbt_vars
    yield from run_dbt(context, dbt, clickhouse.url, ["--vars", json.dumps(variables)])


@dbt_assets(
    manifest=PROJECT.manifest_path,
    project=PROJECT,
    dagster_dbt_translator=TRANSLATOR,
    exclude=HOURLY_MODELS,
    name="warehouse_whole",
    pool=POOL,
)
def warehouse_whole(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, clickhouse: ClickHouseResource
) -> Iterator[Any]:
    """Views, seeds and tables that are always rebuilt whole."""
    yield from run_dbt(context, dbt, clickhouse.url, [])


def run_dbt(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, clickhouse_url: str, arguments: Sequence[str]
) -> Iterator[Any]:
    """`dbt build` of the run's selection; its events become materialisations and check results."""
    # dagster-dbt passes this process's environment on and takes no other.
    os.environ.update(dbt_environment(clickhouse_url))
    invocation = dbt.cli(["build", "--exclude", UNIT_TESTS, *arguments], context=context)
    try:
        yield from invocation.stream().fetch_column_metadata()
    finally:
        # Each invocation writes a target folder with its own manifest, and nobody else removes it.
        shutil.rmtree(invocation.target_path, ignore_errors=True)


def dbt_resource() -> DbtCliResource:
    """dbt for the project, by the interpreter that runs this."""
    return DbtCliResource(project_dir=PROJECT, dbt_executable=dbt_executable())


def manifest_nodes() -> Mapping[str, Any]:
    """The nodes of the manifest that was loaded."""
    nodes: Mapping[str, Any] = json.loads(PROJECT.manifest_path.read_text())["nodes"]
    return nodes
