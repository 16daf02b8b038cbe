"""Champion and challenger over their life: shadow, promotion, roll back, drift; the day's promised alerts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ja4_assets.defs.drift import model_drift
from ja4_assets.defs.live_evaluation import RANKS_ALIKE_LIVE, label_evaluation, shadow_agreement
from ja4_assets.defs.partitions import PARTITION_FORMAT, HourWindow
from ja4_assets.defs.promise import CAN_BE_KEPT, days_of, promised_alerts
from ja4_assets.defs.verdicts import bot_scores, verdicts
from ja4_assets.features.catalogue import FEATURE_NAMES
from ja4_assets.ml.names import CHALLENGER, CHAMPION

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

Row = dict[str, object]
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
SHADOW_FIGURES = """
select toString(metric) as metric, value
from model_evaluations
where data_set = 'shadow' and model_version = '2'
order by metric
"""
LABELLED_TABLES = (
    """
    create table fct_labelled_entity_hour engine = MergeTree order by client_ip as
    select
        {hour:DateTime64(0, 'UTC')} as hour, toIPv6(concat('192.0.2.', toString(number))) as client_ip,
        't13a' as ja4_stable, 'a.test' as host, if(number < 5, 'bad_bot', 'human') as label,
        generateUUIDv4() as label_id, 'ada' as user, now64(6, 'UTC') as labelled_at,
        if(number < 3, 'suspicious', 'unknown') as machine_verdict
    from numbers(10)
    """,
    """
    create table fct_entity_judgement engine = MergeTree order by client_ip as
    select
        hour, client_ip, ja4_stable, host, if(label = 'human', 0.1, 0.6) as suspicion,
        toNullable(if(label = 'human', 0.4, 0.7)) as anomaly_score
    from fct_labelled_entity_hour
    """,
)
"""Five bots, three of them found by the machine, and five people, as labels have it."""
VERDICTS_OF_THE_MODEL = """
select host, toString(client_ip) as ip, toString(verdict) as verdict, reason
from (select * from verdicts order by decided_at desc limit 1 by hour, client_ip, ja4_stable, host)
where source = 'model'
"""
STATES = "select model_version, alias, reason from model_versions order by changed_at, model_version"


@pytest.fixture
def trained(platform: Any, store_entity_hours: Callable[..., None], varied: Callable[..., list[Row]]) -> Any:
    store_entity_hours(varied())
    assert platform.train().success
    return platform


def other_traffic(
    platform: Any, store_entity_hours: Callable[..., None], varied: Callable[..., list[Row]]
) -> None:
    """Traffic in which what was usual is not, so that the next model is refused."""
    with platform.clickhouse.client() as client:
        client.command("truncate table fct_entity_hour")
    rng = np.random.default_rng(5)
    moved = [row | {"ua_ja4_bits": float(90 - rng.gamma(2.0)), "hdr_orders": 40.0} for row in varied(seed=2)]
    store_entity_hours(moved[:100] + [row | {"host": "b.test"} for row in varied(count=12)])


def test_every_state_of_a_version_is_written_down(trained: Any) -> None:
    assert trained.train().success
    states = [tuple(row.values()) for row in trained.clickhouse.read(STATES).to_dicts()]
    assert [(version, alias) for version, alias, _ in states] == [
        ("1", "challenger"),
        ("1", "champion"),
        ("2", "challenger"),
        ("1", ""),
        ("2", "champion"),
    ]
    assert states[3][2] == "Version 2 took over."


def test_a_refused_model_scores_in_the_champion_s_shadow_and_no_verdict_reads_it(
    trained: Any, store_entity_hours: Callable[..., None], varied: Callable[..., list[Row]]
) -> None:
    other_traffic(trained, store_entity_hours, varied)
    assert not trained.train().success
    assert (trained.alias(CHAMPION), trained.alias(CHALLENGER)) == ("1", "2")
    assert trained.score().success
    assert trained.count("select count() from shadow_scores final where model_version = '2'") == 112
    assert trained.count("select count() from bot_scores where model_version != '1'") == 0
    result = trained.run(shadow_agreement)
    (check,) = result.get_asset_check_evaluations()
    assert check.check_name == RANKS_ALIKE_LIVE
    assert "Version 2 beside champion 1, 112 entity hours of the last day" in str(check.description)
    figures = trained.clickhouse.read(SHADOW_FIGURES).to_dicts()
    assert [row["metric"] for row in figures] == ["rank_correlation", "top_overlap"]
    assert all(-1.0 <= row["value"] <= 1.0 for row in figures)
    assert check.passed == (figures[0]["value"] >= 0.7)
    # The same scores again are no news.
    assert trained.run(shadow_agreement).success
    assert trained.clickhouse.read(SHADOW_FIGURES).height == 2


def test_without_a_challenger_there_is_nothing_to_compare(trained: Any) -> None:
    assert trained.score().success
    result = trained.run(shadow_agreement)
    (check,) = result.get_asset_check_evaluations()
    assert (result.success, check.passed) == (True, True)
    assert trained.clickhouse.read(SHADOW_FIGURES).is_empty()


def test_what_analysts_labelled_is_measured_and_a_label_that_ends_leaves(trained: Any) -> None:
    with trained.clickhouse.client() as client:
        for statement in LABELLED_TABLES:
            client.command(statement, parameters={"hour": NOW})
    assert trained.run(label_evaluation).success
    about = " from model_evaluations where slice = 'all' and metric = 'average_precision' and data_set = "
    assert trained.count("select identities" + about + "'analyst_labels, suspicion'") == 5
    assert trained.count("select value = 1" + about + "'analyst_labels'") == 1
    assert "labels of ada" in trained.clickhouse.read("select note" + about + "'analyst_labels'").item()
    before = trained.count("select count() from model_evaluations")
    assert trained.run(label_evaluation).success
    assert trained.count("select count() from model_evaluations") == before, "no news, no rows"
    with trained.clickhouse.client() as client:
        client.command("alter table fct_labelled_entity_hour delete where label = 'human'")
    assert trained.run(label_evaluation).success, "bots alone measure nothing"


def test_rolling_back_is_moving_one_alias_and_the_next_scores_are_the_old_version_s(trained: Any) -> None:
    assert trained.train().success
    assert trained.score().success
    assert trained.alias(CHAMPION) == "2"
    assert trained.move_champion("1").success
    assert trained.alias(CHAMPION) == "1"
    assert trained.score().success
    newest = trained.clickhouse.read(
        "select distinct argMax(model_version, scored_at) as version from bot_scores final group by client_ip"
    )
    assert newest["version"].to_list() == ["1"]
    states = [tuple(row.values())[:2] for row in trained.clickhouse.read(STATES).to_dicts()]
    assert sorted(states[-2:]) == [("1", "champion"), ("2", "")]


def test_an_alias_moved_in_the_registry_by_hand_is_followed(trained: Any) -> None:
    assert trained.train().success
    trained.registry.open().set_alias(CHAMPION, "1")
    assert trained.score().success
    last = trained.clickhouse.read(STATES).to_dicts()[-2:]
    assert {row["reason"] for row in last} == {"The alias was moved in the registry."}
    assert trained.count("select uniqExact(model_version) from bot_scores") == 1


def test_a_version_that_does_not_exist_cannot_be_champion(trained: Any) -> None:
    assert not trained.move_champion("99").success
    assert trained.alias(CHAMPION) == "1"


def test_a_training_writes_down_its_checks_and_figures(trained: Any) -> None:
    found = trained.clickhouse.read(
        "select toString(slice) as slice, value, note from model_evaluations"
        " where metric = 'is_passed' and model_version = '1'"
    ).to_dicts()
    assert {row["slice"]: row["value"] for row in found}["scores_vary"] == 1.0
    assert "fast_enough" in {row["slice"] for row in found}
    assert trained.count("select count() from model_evaluations where metric = 'calibration_rows'") == 1


def test_labelled_clients_of_a_file_are_measured(
    platform: Any,
    store_entity_hours: Callable[..., None],
    varied: Callable[..., list[Row]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = varied()
    for number in range(10):
        rows[number] |= {"hdr_orders": 300.0 + number, "ua_ja4_bits": 30.0}
    store_entity_hours(rows)
    lines = ["client_ip\tlabel\ttier\tfamily\tidentity\tamplified"]
    for number, row in enumerate(rows):
        address = str(row["client_ip"]).removeprefix("::ffff:")
        label, tier = ("bot", "scanner") if number < 10 else ("human", "returning")
        lines.append(f"{address}\t{label}\t{tier}\tf\tid{number}\t0")
    (tmp_path / "truth.tsv").write_text("\n".join(lines) + "\n")
    monkeypatch.setenv("JA4_LABELLED_CLIENTS", str(tmp_path / "truth.tsv"))
    assert platform.train().success
    figures = platform.clickhouse.read(
        "select value, low, high from model_evaluations"
        " where data_set = 'labelled' and slice = 'all' and metric = 'average_precision'"
    ).to_dicts()
    assert len(figures) == 1
    assert figures[0]["value"] > 0.5, "by chance it is 10 of 120"
    assert figures[0]["low"] <= figures[0]["value"] <= figures[0]["high"]


def test_drift_is_stored_per_feature_and_unseen_fingerprints_raise_the_alarm(
    trained: Any, store_entity_hours: Callable[..., None], varied: Callable[..., list[Row]]
) -> None:
    store_entity_hours([row | {"host": "b.test", "ja4_stable": "t13new"} for row in varied(count=240)])
    result = trained.run(model_drift)
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    assert not check.passed
    assert "a JA4 that training never saw" in str(check.description)
    assert trained.count("select count() from model_drift final") == len(FEATURE_NAMES) + 1
    assert trained.count("select count() from model_drift where unseen_ja4_share > 0.6") == 1


def test_the_strangest_of_a_day_are_marked_and_a_decided_one_is_not(
    platform: Any,
    store_entity_hours: Callable[..., None],
    varied: Callable[..., list[Row]],
) -> None:
    calm = varied(count=4000)
    store_entity_hours(calm)
    assert platform.train().success
    strange: Row = dict.fromkeys(("hdr_orders", "ua_ja4_bits", "hdr_order_bits", "iat_cv"), 60.0)
    # No p-value is finer than one over the calibration's rows: of fewer, chance could be the cause.
    late = [row | strange | {"host": "late.test"} for row in calm[:400]]
    late[0] |= {"ua_ja4_known_mismatch": 1.0}
    store_entity_hours(late)
    result = platform.run(bot_scores, verdicts, promised_alerts, partition_key=NOW.strftime(PARTITION_FORMAT))
    assert result.success
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    assert not checks[CAN_BE_KEPT].blocking
    marked = platform.clickhouse.read(
        "select host, toString(client_ip) as ip, traffic_class from bot_scores final where is_alert = 1"
    )
    from_late = marked.filter(marked["host"] == "late.test")
    assert from_late.height >= 300
    assert str(late[0]["client_ip"]) not in from_late["ip"].to_list(), "a rule has decided it"
    assert marked.height - from_late.height <= 0.3 * marked.height
    assert set(marked["traffic_class"]) == {"browser_tcp"}
    # The verdicts of the model are exactly its alerts, and their sentence says what is promised.
    by_model = platform.clickhouse.read(VERDICTS_OF_THE_MODEL).filter(pl.col("verdict") == "suspicious")
    keys = ["host", "ip"]
    assert by_model.select(keys).sort(keys).equals(marked.select(keys).sort(keys))
    assert all("at most 5% are expected to be wrong" in reason for reason in by_model["reason"])
    # Scored again before the day is weighed again, alerts stay alerts.
    assert platform.run(bot_scores, partition_key=NOW.strftime(PARTITION_FORMAT)).success
    assert platform.count("select count() from bot_scores final where is_alert = 1") == marked.height
    # An analyst who bears fewer false alarms than the calibration can promise has no alert left.
    with platform.clickhouse.client() as client:
        client.command(
            "insert into detection_settings (set_at, name, value, user)"
            " values (now64(6), 'false_alarm_share', 0.001, 'ada')"
        )
    assert platform.run(promised_alerts, partition_key=NOW.strftime(PARTITION_FORMAT)).success
    assert platform.count("select count() from bot_scores final where is_alert = 1") < marked.height
    left = platform.clickhouse.read(VERDICTS_OF_THE_MODEL).filter(pl.col("verdict") == "suspicious")
    assert left.height == platform.count("select count() from bot_scores final where is_alert = 1")


def test_a_window_touches_whole_utc_days() -> None:
    start = datetime(2026, 11, 21, 23, tzinfo=UTC)
    days = days_of(HourWindow(start, start + timedelta(hours=2)))
    assert [day.start.day for day in days] == [21, 22]
    assert {day.end - day.start for day in days} == {timedelta(days=1)}
    assert [day.start.day for day in days_of(HourWindow(start, start + timedelta(hours=1)))] == [21]
