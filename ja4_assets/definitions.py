"""The code location: puts assets, checks, jobs, schedules and resources together, and nothing else."""

from __future__ import annotations

import dagster as dg

from ja4_assets.defs.campaigns import campaigns
from ja4_assets.defs.drift import model_drift
from ja4_assets.defs.feedback import review_ranks
from ja4_assets.defs.intel import INTEL_ASSETS
from ja4_assets.defs.join_accuracy import joins_are_right
from ja4_assets.defs.late_hours import refresh_late_hours
from ja4_assets.defs.live_evaluation import label_evaluation, shadow_agreement
from ja4_assets.defs.models import entity_forest, entity_forest_champion
from ja4_assets.defs.promise import promised_alerts
from ja4_assets.defs.raw import RAW_ASSETS, RAW_CHECKS
from ja4_assets.defs.schedules import JOBS, SCHEDULES
from ja4_assets.defs.stored import STORED_ASSETS
from ja4_assets.defs.verdicts import bot_scores, verdicts
from ja4_assets.defs.verified_bots import bot_check_resource, bot_identities
from ja4_assets.defs.warehouse import dbt_resource, warehouse
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.resources.registry import RegistryResource
from ja4_assets.settings import AssetSettings

settings = AssetSettings()

defs = dg.Definitions(
    assets=[
        *RAW_ASSETS,
        *STORED_ASSETS,
        *INTEL_ASSETS,
        warehouse,
        entity_forest,
        entity_forest_champion,
        bot_identities,
        bot_scores,
        verdicts,
        campaigns,
        review_ranks,
        promised_alerts,
        model_drift,
        shadow_agreement,
        label_evaluation,
    ],
    asset_checks=[*RAW_CHECKS, joins_are_right],
    jobs=JOBS,
    schedules=[*SCHEDULES, refresh_late_hours],
    resources={
        "bot_checks": bot_check_resource(settings),
        "clickhouse": ClickHouseResource(url=settings.clickhouse_url),
        "registry": RegistryResource(tracking_uri=settings.mlflow_tracking_uri),
        "dbt": dbt_resource(),
    },
    # One process a run: importing the libraries costs more than most steps, and the machine may have 2 cores.
    executor=dg.in_process_executor,
)
