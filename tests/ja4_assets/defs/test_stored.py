"""Tables that others write are seen with their size."""

from __future__ import annotations

import dagster as dg
import pytest

from ja4_assets.defs.stored import STORED_ASSETS, TABLES
from ja4_assets.resources.clickhouse import ClickHouseResource

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


def test_every_table_is_observed_with_its_rows(database: ClickHouseResource) -> None:
    definitions = dg.Definitions(
        assets=STORED_ASSETS,
        jobs=[dg.define_asset_job("look", selection=dg.AssetSelection.all(include_sources=True))],
        resources={"clickhouse": database},
    )
    result = definitions.resolve_job_def("look").execute_in_process(instance=dg.DagsterInstance.ephemeral())
    assert result.success
    observed = {
        event.asset_observation_data.asset_observation.asset_key.to_user_string()
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_OBSERVATION
    }
    assert observed == set(TABLES)
