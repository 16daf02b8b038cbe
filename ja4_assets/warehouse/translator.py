"""How a node of the dbt project appears in Dagster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings

GROUPS = {"staging": "staging", "intermediate": "intermediate", "marts": "marts"}
OTHER_GROUP = "reference"
"""Seeds: reference data that the models join."""


class WarehouseTranslator(DagsterDbtTranslator):
    """An asset's key is its table's name, so that a source is the asset that Python declares for it."""

    def __init__(self, hours: dg.PartitionsDefinition[str]) -> None:
        self._hours = hours
        super().__init__(
            DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_source_tests_as_checks=True)
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """One part: the name of the table, view or seed, or of the asset that writes the source last."""
        meta = dbt_resource_props.get("config", {}).get("meta", {})
        return dg.AssetKey(meta.get("dagster_asset", dbt_resource_props["name"]))

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The folder under `models/`."""
        parts = PurePosixPath(dbt_resource_props.get("original_file_path", "")).parts
        return next((GROUPS[part] for part in parts if part in GROUPS), OTHER_GROUP)

    def get_partitions_def(
        self, dbt_resource_props: Mapping[str, Any]
    ) -> dg.PartitionsDefinition[str] | None:
        """The hours, for the models of which a run replaces whole hours; the others are built whole."""
        is_hourly = str(dbt_resource_props.get("config", {}).get("materialized")).endswith("incremental")
        return self._hours if is_hourly else None

    def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The model's own description, with its grain; without the SQL, which the code location shows."""
        return str(dbt_resource_props.get("description") or "")
