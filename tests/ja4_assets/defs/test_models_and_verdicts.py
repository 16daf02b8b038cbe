"""Training, the blocking check, scoring and deciding, as Dagster runs them, on a real database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from ja4_assets.defs.models import entity_forest, entity_forest_champion
from ja4_assets.defs.partitions import PARTITION_FORMAT
from ja4_assets.defs.schedules import hour_range_tags
from ja4_assets.defs.verdicts import COVERS_ALL, bot_scores, verdicts
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.names import AS_GOOD, CHALLENGER, CHAMPION, SCORES_VARY

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

Row = dict[str, object]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
EARLIER = NOW - timedelta(hours=1)


def test_the_first_model_that_passes_becomes_champion(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied())
    result = platform.train()
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert (checks[SCORES_VARY].passed, checks[SCORES_VARY].blocking) == (True, True)
    assert all(check.passed for check in checks.values() if check.blocking)
    assert platform.alias(CHAMPION) == "1"
    assert platform.alias(CHALLENGER) is None


def test_a_model_with_constant_scores_is_refused_and_the_champion_stays(
    platform: Any,
    store_entity_hours: Callable[[list[Row]], None],
    varied: Callable[..., list[Row]],
    ordinary_entity_hour: Callable[..., Row],
) -> None:
    store_entity_hours(varied())
    assert platform.train().success
    with platform.clickhouse.client() as client:
        client.command("truncate table fct_entity_hour")
    store_entity_hours([ordinary_entity_hour(number, hour=NOW) for number in range(80)])
    refused = platform.train()
    assert not refused.success
    checks = {check.check_name: check for check in refused.get_asset_check_evaluations()}
    assert not checks[SCORES_VARY].passed
    assert "constant" in str(checks[SCORES_VARY].description)
    assert refused.asset_materializations_for_node("entity_forest_champion") == []
    assert platform.alias(CHAMPION) == "1"
    # Nor can the alias be moved by asking for the champion alone.
    alone = platform.run(entity_forest, entity_forest_champion, selection=[entity_forest_champion])
    assert not alone.success
    assert platform.alias(CHAMPION) == "1"
    assert platform.alias(CHALLENGER) is None


def test_a_later_like_model_takes_over_and_one_that_ranks_otherwise_stays_challenger(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied())
    assert platform.train().success
    assert platform.train().success
    assert platform.alias(CHAMPION) == "2"
    with platform.clickhouse.client() as client:
        client.command("truncate table fct_entity_hour")
    rng = np.random.default_rng(5)
    # What was everybody's value is nobody's now, so the new forest finds the old crowd strange.
    moved = [row | {"ua_ja4_bits": float(90 - rng.gamma(2.0)), "hdr_orders": 40.0} for row in varied(seed=2)]
    store_entity_hours(moved[:100] + [row | {"host": "b.test"} for row in varied(count=12)])
    refused = platform.train()
    failed = {check.check_name for check in refused.get_asset_check_evaluations() if not check.passed}
    assert AS_GOOD in failed, "without labelled clients a model that ranks otherwise is not promoted"
    assert platform.alias(CHAMPION) == "2"
    assert platform.alias(CHALLENGER) == "3"


def test_too_few_entity_hours_fail_the_run_with_their_number(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied(count=7))
    result = platform.train()
    assert not result.success
    assert "7 entity hours" in str(result.failure_data_for_node("entity_forest"))


def test_scoring_without_a_champion_fails_and_writes_nothing(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied())
    result = platform.score()
    assert not result.success
    assert "no model is champion" in str(result.failure_data_for_node("bot_scores"))
    assert platform.count("select count() from bot_scores") == 0


def test_every_sufficient_entity_hour_is_scored_with_the_champion_s_version(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    rows = varied()
    rows[0] |= {"is_sufficient": False, "requests": 2}
    store_entity_hours(rows)
    platform.train()
    result = platform.score()
    assert result.success
    checks = {check.check_name: check.passed for check in result.get_asset_check_evaluations()}
    assert checks == {COVERS_ALL: True}
    stored = platform.clickhouse.read(
        "select model_version, data_version, count() as n, countIf(dagster_run_id = '') as nameless,"
        " min(anomaly_score) as low, max(anomaly_score) as high, min(score_quantile) as qlow,"
        " max(score_quantile) as qhigh, countIf(anomaly_score > threshold) as alerts"
        " from bot_scores final group by model_version, data_version"
    )
    (row,) = stored.to_dicts()
    assert (row["model_version"], row["n"], row["nameless"]) == ("1", 119, 0)
    assert len(row["data_version"]) == 16
    assert 0 < row["low"] < row["high"] < 1
    assert 0 <= row["qlow"] < row["qhigh"] <= 1
    assert row["alerts"] == pytest.approx(119 * 0.02, abs=1.5)


def test_an_hour_scored_twice_has_the_same_rows_and_no_second_verdict(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied())
    platform.train()
    state = (
        "select count() as n,"
        " sum(cityHash64(client_ip, model_version, anomaly_score, score_quantile)) as digest"
        " from bot_scores final"
    )
    assert platform.score().success
    before = platform.clickhouse.read(state).row(0)
    verdict_count = platform.count("select count() from verdicts")
    assert verdict_count == 120
    again = platform.score()
    assert again.success
    assert platform.clickhouse.read(state).row(0) == before
    assert platform.count("select count() from verdicts") == verdict_count
    (event,) = again.asset_materializations_for_node("verdicts")
    assert event.metadata["decisions_written"].value == 0


def test_a_changed_entity_gets_one_more_verdict_with_rule_reason_and_evidence(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    rows = varied()
    store_entity_hours(rows)
    platform.train()
    platform.score()
    with platform.clickhouse.client() as client:
        client.command("truncate table fct_entity_hour")
    rows[5] |= {"ua_ja4_known_mismatch": 1.0}
    store_entity_hours(rows)
    assert platform.score().success
    latest = platform.clickhouse.read(
        "select toString(verdict) as verdict, toString(source) as source, toString(source_id) as source_id,"
        " confidence, reason, evidence['ja4_stable'] as ja4, dagster_run_id"
        " from verdicts where client_ip = toIPv6('198.51.0.5') order by decided_at"
    ).to_dicts()
    assert [(row["verdict"], row["source"]) for row in latest][-1] == ("bad_bot", "rule")
    assert len(latest) == 2
    assert latest[1]["source_id"] == "R005"
    assert latest[1]["confidence"] == pytest.approx(0.97)
    assert latest[1]["ja4"] == rows[5]["ja4_stable"]
    assert latest[1]["reason"]
    assert platform.count("select count() from verdicts") == 121


def test_a_range_of_hours_is_one_run_and_each_hour_is_marked(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours(varied(hour=EARLIER) + varied(hour=NOW, seed=3))
    platform.train()
    result = platform.run(bot_scores, verdicts, tags=hour_range_tags(EARLIER, NOW))
    assert result.success
    marked = {event.partition for event in result.asset_materializations_for_node("verdicts")}
    assert marked == {hour.strftime(PARTITION_FORMAT) for hour in (EARLIER, NOW)}
    assert platform.count("select uniqExact(hour) from bot_scores") == 2
    assert platform.count("select count() from verdicts") == 240


def test_the_strongest_feature_stands_first_with_value_and_norm(
    platform: Any, store_entity_hours: Callable[[list[Row]], None], varied: Callable[..., list[Row]]
) -> None:
    rows = varied()
    rows[3] |= {"hdr_orders": 400.0}
    store_entity_hours(rows)
    platform.train()
    platform.score()
    (top,) = platform.clickhouse.read(
        "select top_features[1].name as name, top_features[1].value as value, top_features[1].norm as norm,"
        " top_features[1].contribution as bits from bot_scores final where client_ip = toIPv6('198.51.0.3')"
    ).to_dicts()
    assert (top["name"], top["value"]) == ("hdr_orders", 400.0)
    assert top["name"] in FEATURE_NAMES
    assert 1 <= top["norm"] <= 5
    assert top["bits"] > 0
