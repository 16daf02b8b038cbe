"""From packet to page: what `ja4 up` makes of the bundled recording, read where its users read it."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from playwright.sync_api import ConsoleMessage, Page, sync_playwright

if TYPE_CHECKING:
    from conftest import Platform

pytestmark = pytest.mark.slow

CHROMIUM = "/usr/bin/chromium"
PAGE_MS = 30_000
ASSETS_QUERY = """
{
  assetNodes {
    assetKey { path }
    isMaterializable
    isObservable
    assetMaterializations(limit: 1) { runId }
    assetObservations(limit: 1) { runId }
    assetChecksOrError {
      ... on AssetChecks {
        checks { name executionForLatestMaterialization { status evaluation { severity success } } }
      }
    }
  }
  runsOrError { ... on Runs { results { status jobName } } }
}
"""


@pytest.fixture(scope="module")
def labels(platform: Platform) -> dict[tuple[str, str, str], dict[str, str]]:
    """What the amplifier says each entity is."""
    with (platform.home / "sample" / "sample_labels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {(row["client_ip"], row["ja4_stable"], row["host"]): row for row in rows}


def test_sample_is_as_large_as_promised(labels: dict[Any, dict[str, str]]) -> None:
    kinds = Counter(row["label"] for row in labels.values())
    assert sum(int(row["requests"]) for row in labels.values()) >= 50_000
    assert sum(kinds.values()) >= 1_000
    assert kinds["bot"] / sum(kinds.values()) == pytest.approx(0.1, abs=0.02)


def test_every_event_is_stored_and_joined_with_its_hello(
    platform: Platform, labels: dict[Any, dict[str, str]]
) -> None:
    sent = sum(int(row["requests"]) for row in labels.values())
    with platform.client() as client:
        rows = client.query(
            "select join_state, count() from raw_http_requests final where scheme = 'https' group by 1"
        ).result_rows
        states = {str(state): int(count) for state, count in rows}
        ((balance,),) = client.query(
            "select sum(http_events_seen) - sum(http_events_rejected) - sum(http_events_dropped)"
            " - sum(requests_matched) - sum(requests_ambiguous) - sum(requests_midstream)"
            " - sum(requests_no_hello) - sum(requests_cleartext) from raw_agent_ticks final"
        ).result_rows
    assert sum(states.values()) == sent
    assert states["matched"] / sent > 0.99
    assert balance == 0


def test_every_entity_hour_with_enough_requests_has_a_score_of_a_named_model(platform: Platform) -> None:
    with platform.client() as client:
        ((sufficient, scored),) = client.query(
            "select count(), countIf(anomaly_score is not null and model_version != '')"
            " from fct_entity_verdict where is_sufficient"
        ).result_rows
    assert sufficient > 1_000
    assert scored == sufficient


def test_bots_rank_above_people(
    platform: Platform, labels: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    """Average precision of the score alone, beside the share of bots that chance would give."""
    with platform.client() as client:
        rows = client.query(
            "select replaceOne(toString(client_ip), '::ffff:', ''), ja4_stable, host, max(anomaly_score) as s"
            " from fct_entity_verdict where anomaly_score is not null group by 1, 2, 3 order by s desc"
        ).result_rows
    is_bot = [labels[str(ip), str(ja4), str(host)]["label"] == "bot" for ip, ja4, host, _ in rows]
    found, precision_sum = 0, 0.0
    for rank, hit in enumerate(is_bot, start=1):
        if hit:
            found += 1
            precision_sum += found / rank
    chance = found / len(is_bot)
    assert precision_sum / found > 4 * chance


def test_no_rule_calls_a_person_a_bad_bot(
    platform: Platform, labels: dict[tuple[str, str, str], dict[str, str]]
) -> None:
    """Nobody of the lab's people, nor of those made out of them; feed readers, monitors included."""
    with platform.client() as client:
        rows = client.query(
            "select replaceOne(toString(client_ip), '::ffff:', ''), ja4_stable, host, verdict_source_id"
            " from fct_entity_verdict where verdict = 'bad_bot' and verdict_source = 'rule'"
        ).result_rows
    assert rows
    truth = [(labels[str(ip), str(ja4), str(host)]["label"], rule) for ip, ja4, host, rule in rows]
    accused = [rule for label, rule in truth if label == "human"]
    assert accused == []


def test_the_model_is_registered_with_an_alias_parameters_and_metrics(platform: Platform) -> None:
    path = "/api/2.0/mlflow/registered-models/alias?name=ja4_entity_forest&alias=champion"
    version = platform.json("JA4_MLFLOW_PORT", path)["model_version"]
    run = platform.json("JA4_MLFLOW_PORT", f"/api/2.0/mlflow/runs/get?run_id={version['run_id']}")["run"]
    artifacts = platform.json("JA4_MLFLOW_PORT", f"/api/2.0/mlflow/artifacts/list?run_id={version['run_id']}")
    with platform.client() as client:
        versions = client.query("select distinct model_version from bot_scores").result_rows
    assert version["version"] in {row[0].rsplit(":", 1)[-1] for row in versions}
    assert len(run["data"]["params"]) >= 5
    assert len(run["data"]["metrics"]) >= 3
    assert any(name["path"].endswith((".png", ".html")) for name in artifacts["files"])


def says_that_reference_data_is_old(check: dict[str, Any]) -> bool:
    """The extracts that come with the project grow old; that their check turns yellow is right."""
    evaluation = (check["executionForLatestMaterialization"] or {}).get("evaluation") or {}
    return check["name"] == "is_current" and evaluation.get("severity") == "WARN"


def test_dagster_shows_every_asset_green(platform: Platform) -> None:
    answer = platform.json("JA4_DAGSTER_PORT", "/graphql", {"query": ASSETS_QUERY})
    nodes = answer["data"]["assetNodes"]
    unseen = [
        "/".join(node["assetKey"]["path"])
        for node in nodes
        if not node["assetMaterializations"] and not node["assetObservations"]
    ]
    failed = [
        (node["assetKey"]["path"], check["name"])
        for node in nodes
        for check in node["assetChecksOrError"].get("checks", [])
        if (check["executionForLatestMaterialization"] or {}).get("status") in ("FAILED", "EXECUTION_FAILED")
        and not says_that_reference_data_is_old(check)
    ]
    assert len(nodes) >= 12
    assert unseen == []
    assert failed == []
    assert {run["status"] for run in answer["data"]["runsOrError"]["results"]} <= {
        "SUCCESS",
        "STARTED",
        "QUEUED",
        "STARTING",
    }


@pytest.fixture(scope="module")
def cookies(platform: Platform) -> Any:
    """What a browser keeps after its person signed in as `up` said, and chose a password."""
    if not os.path.exists(CHROMIUM):
        pytest.fail(f"{CHROMIUM} is missing: install it with `apt-get install chromium`")
    told = re.search(
        r"sign in to the dashboard as (\w+) with the one-time password (\S+)", platform.first_output
    )
    assert told is not None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(platform.origin("JA4_DASHBOARD_PORT") + "/account")
        opened.get_by_label("User name").fill(told[1])
        opened.get_by_label("Password").fill(told[2])
        opened.get_by_role("button", name="Sign in").click()
        opened.get_by_label("New password", exact=True).fill("only for this platform")
        opened.get_by_label("New password again").fill("only for this platform")
        opened.get_by_role("button", name="Save").click()
        opened.wait_for_url("**/account")
        kept = opened.context.storage_state()
        browser.close()
    return kept


@pytest.fixture
def page(platform: Platform, cookies: Any) -> Iterator[tuple[Page, list[str]]]:
    """A browser page and what it complained about; requests to other hosts are complaints."""
    complaints: list[str] = []
    origin = platform.origin("JA4_DASHBOARD_PORT")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1280, "height": 800}, storage_state=cookies)
        opened.on("console", on_console)
        opened.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((origin, origin.replace("http", "ws", 1), "data:", "blob:"))
                else complaints.append(request.url)
            ),
        )
        yield opened, complaints
        browser.close()


def digits(text: str) -> int:
    """A number as the screen groups it."""
    return int(re.sub(r"\D", "", text))


def test_the_overview_shows_the_traffic_of_the_database(
    platform: Platform, page: tuple[Page, list[str]]
) -> None:
    opened, complaints = page
    with platform.client() as client:
        ((stored,),) = client.query("select count() from fct_request").result_rows
    opened.goto(platform.origin("JA4_DASHBOARD_PORT") + "/?range=7d")
    opened.get_by_text("Bad bot").first.wait_for(timeout=PAGE_MS)
    value = opened.get_by_role("group", name="Requests", exact=True).locator(".value")
    value.wait_for(timeout=PAGE_MS)
    assert digits(value.inner_text()) == stored
    assert complaints == []


def test_a_fingerprint_leads_from_the_api_to_its_page(
    platform: Platform, page: tuple[Page, list[str]], token: str
) -> None:
    opened, complaints = page
    with platform.client() as client:
        ((ja4, requests),) = client.query(
            "select ja4_stable, count() as n from fct_request where ja4_stable != ''"
            " group by 1 order by n desc limit 1"
        ).result_rows
    answer = platform.json("JA4_DASHBOARD_PORT", f"/api/ja4/{ja4}?range=7d", token=token)
    assert answer["ja4_stable"] == ja4
    assert answer["requests"] == requests
    opened.goto(platform.origin("JA4_DASHBOARD_PORT") + f"/ja4/{ja4}?range=7d")
    opened.get_by_text(str(ja4)).first.wait_for(timeout=PAGE_MS)
    opened.get_by_text("Why these scores").first.wait_for(timeout=PAGE_MS)
    assert complaints == []


def test_health_finds_the_database_and_every_column(platform: Platform, token: str) -> None:
    health = platform.json("JA4_DASHBOARD_PORT", "/api/health", token=token)
    # The sample does not grow: on a slow machine it is stale by now, which is no fault.
    assert health["status"] in ("ok", "stale")
    assert health["missing_columns"] == []
    assert health["newest_request"]


def test_a_second_up_changes_nothing_and_prints_the_addresses(platform: Platform) -> None:
    with platform.client() as client:
        before = client.query("select count() from raw_http_requests").result_rows
        again = platform.ja4("up")
        after = client.query("select count() from raw_http_requests").result_rows
    assert again.returncode == 0, again.stderr
    assert before == after
    assert "older version" not in again.stdout
    for setting in ("JA4_DASHBOARD_PORT", "JA4_DAGSTER_PORT", "JA4_MLFLOW_PORT"):
        assert platform.origin(setting) in again.stdout
        assert platform.origin(setting) in platform.first_output


def test_down_leaves_no_process_and_up_starts_again_with_the_data(
    platform: Platform, cookies: Any, token: str
) -> None:
    assert platform.ja4("down").stdout.strip() == "stopped"
    home = str(platform.home)
    left = [
        process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
        if any(home in word for word in process.info["cmdline"] or ())
    ]
    assert left == []
    restarted = platform.ja4("up")
    assert restarted.returncode == 0, restarted.stderr
    assert "amplifying" not in restarted.stdout
    assert "one-time password" not in restarted.stdout
    assert platform.json("JA4_DASHBOARD_PORT", "/api/health", token=token)["missing_columns"] == []
