"""The code location loads with all defaults and holds every table of the platform as an asset."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = """
import sys, warnings
warnings.simplefilter("ignore")
from ja4_assets.definitions import defs
graph = defs.resolve_asset_graph()
defs.get_repository_def().load_all_definitions()
for key in sorted(graph.get_all_asset_keys()):
    node = graph.get(key)
    print(key.to_user_string(), node.group_name, "hourly" if node.partitions_def else "whole", sep="\\t")
job = defs.resolve_job_def("refresh_hours")
print("refresh", len(job.graph.node_dict), *sorted(
    key.to_user_string() for key in job.asset_layer.executable_asset_keys
), sep="\\t")
print("checks", len(graph.asset_check_keys), sep="\\t")
print("loaded", *sorted({"mlflow", "sklearn", "skops"} & sys.modules.keys()), sep="\\t")
"""

EXPECTED = {
    "raw_tls_hellos": ("raw", "whole"),
    "raw_http_requests": ("raw", "whole"),
    "raw_agent_ticks": ("raw", "whole"),
    "stg_http_requests": ("staging", "whole"),
    "known_fingerprints": ("reference", "whole"),
    "fct_entity_hour": ("marts", "hourly"),
    "fct_ja4_hour": ("marts", "hourly"),
    "fct_request_minute": ("marts", "hourly"),
    "fct_entity_verdict": ("marts", "whole"),
    "dim_ja4": ("marts", "whole"),
    "entity_forest": ("models", "whole"),
    "entity_forest_champion": ("models", "whole"),
    "bot_identities": ("verdicts", "hourly"),
    "bot_scores": ("verdicts", "hourly"),
    "verdicts": ("verdicts", "hourly"),
    "campaigns": ("campaigns", "hourly"),
    "campaign_members": ("campaigns", "hourly"),
    "review_ranks": ("feedback", "hourly"),
    "promised_alerts": ("verdicts", "hourly"),
    "model_drift": ("models", "whole"),
    "shadow_agreement": ("models", "whole"),
    "label_evaluation": ("models", "whole"),
}


@pytest.fixture(scope="module")
def listing(project_root: Path) -> list[list[str]]:
    """What a fresh interpreter without any setting of ours finds."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JA4_", "MLFLOW_", "DAGSTER_", "DBT_"))
    }
    finished = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=project_root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    return [line.split("\t") for line in finished.stdout.splitlines()]


def test_every_table_is_an_asset_in_its_group(listing: list[list[str]]) -> None:
    found = {row[0]: (row[1], row[2]) for row in listing if len(row) == 3}
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED


def test_the_refresh_builds_every_stored_model_in_two_starts_of_dbt(listing: list[list[str]]) -> None:
    (steps, *keys) = next(row[1:] for row in listing if row[0] == "refresh")
    stored = {"int_requests", "fct_entity_hour", "fct_ja4_hour", "fct_request_minute", "dim_ja4"}
    stored |= {"fct_join_accuracy", "int_ja4_client_hour", "fct_entity_judgement", "fct_session"}
    stored |= {f"fct_{profile}_hour" for profile in ("ip", "asn", "country", "host")}
    groups = (
        "requests",
        "population",
        "contradictions",
        "headers",
        "timing",
        "rhythm",
        "paths",
        "peers",
        "hellos",
    )
    stored |= {f"int_entity_hour_{group}" for group in groups}
    own = {"bot_identities", "bot_scores", "verdicts", "promised_alerts", "campaigns", "campaign_members"}
    own |= {"review_ranks"}
    assert {*keys} == stored | own
    assert int(steps) == 9, (
        "dbt, identities, scores, verdicts, alerts, campaigns, ranks, dbt over the verdicts, the joins' check"
    )


def test_dbt_tests_and_own_checks_are_asset_checks(listing: list[list[str]]) -> None:
    (count,) = [int(row[1]) for row in listing if row[0] == "checks"]
    assert count >= 30


def test_the_ui_s_process_does_not_load_the_model_libraries(listing: list[list[str]]) -> None:
    (loaded,) = [row[1:] for row in listing if row[0] == "loaded"]
    assert loaded == []
