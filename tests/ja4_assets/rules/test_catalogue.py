"""Each rule fires on its case in the database, and each can be the one that decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.rules.catalogue import RULES, RULES_BY_ID
from ja4_assets.rules.policy import NO_RULE, judge
from ja4_assets.rules.render import render
from ja4_assets.rules.rule import AtLeast, ContainsAny, Matches, Rule, ShareAtLeast, Verdict
from ja4_assets.rules.suspicion import MODEL_MOST

Row = dict[str, object]
Store = Callable[[list[Row]], None]

CASES: dict[str, Row] = {
    "R001": {"user_agent": "python-requests/2.34.2", "ua_family": "python-requests"},
    "R002": {"user_agent": "sqlmap/1.10.10#stable (https://sqlmap.org)", "ua_family": "other"},
    "R003": {"user_agent": "Mozilla/5.0 (compatible; Examplebot/2.1; +https://example.test/bot.html)"},
    "R004": {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/156.0.0.0 Safari/537.36"},
    "R005": {"ua_ja4_known_mismatch": 1.0},
    "R006": {"grease_missing": 0.83},
    "R007": {"secfetch_missing": 0.9},
    "R008": {"secfetch_incoherent": 0.6},
    "R009": {"ch_ua_mismatch": 0.95},
    "R010": {"ch_platform_mismatch": 0.95},
    "R011": {"requests": 100, "paths": 90, "status_4xx": 95},
    "R012": {"tls_floor_gap": 1.0},
    "R013": {"hdr_required_missing": 0.9},
    "R014": {"pq_missing": 1.0},
    "R015": {"pages": 20, "asset_complete": 0.0},
    "R016": {"enum_score": 0.9, "pages": 30, "asset_complete": 1.0},
    "R017": {"login_attempts": 55, "login_failures": 54},
    "R018": {"sensitive_hits": 0.8},
    "R019": {"claimed_bot": "Impostor"},
    "R020": {"claimed_bot": "Verified"},
    "R021": {"ch_missing": 0.9},
    "R022": {"h2_ua_mismatch": 0.8},
    "R023": {"tcp_os_mismatch": 0.9},
    "R024": {"ua_engines": 2},
    "R025": {"hdr_case_odd": 0.8},
    "R026": {"host": "203.0.113.80"},
    "R027": {"claimed_bot": "Unknown", "disallowed_requests": 3},
    "R028": {"hellos": 30, "unused_hellos": 24},
    "R029": {"ja4": "t13d0101h2_labelled"},
    "R030": {"ja4": "t13d0101h2_recorded"},
    "R031": {"encoding_poor": 0.9},
    "R032": {"http10_share": 0.9},
    "R033": {"attack_requests": 3},
    "R034": {"mode_share": 0.95, "requests": 20, "reqs_per_conn": 1.0},
    "R035": {"page_gaps": 8, "page_gap_cv": 0.2},
    "R036": {"user_agent": "Uptime-Kuma/1.23.11", "ua_family": "other"},
    "R037": {"page_gaps": 8, "typed_pages": 8, "page_gap_cv": 1.2},
    "R038": {"ch_brand_false": 0.9},
}
"""What makes an ordinary Chromium fire one rule and no other."""

JOINED = (
    """
    insert into dim_bot_identity (client_ip, claimed, method, state, detail)
    select distinct client_ip, claimed_bot, 'range', lower(claimed_bot), 'as the test has it'
    from fct_entity_hour
    where claimed_bot != ''
    """,
    """
    insert into dim_label values
    ('ja4', 't13d0101h2_labelled', 'bad_bot', true),
    ('ja4', 't13d0101h2_revoked', 'bad_bot', false),
    ('ja4', 't13d0101h2_good', 'good_bot', true)
    """,
    "insert into watched_fingerprints values ('t13d0101h2_recorded')",
)

NEAR_MISSES: dict[str, Row] = {
    "R001": {"user_agent": "Mozilla/5.0 (curling fan) Firefox/153.0"},
    "R002": {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) mapping Firefox/153.0"},
    "R003": {"user_agent": "Mozilla/5.0 (Linux; Android 15; Cubot X70) Chrome/156.0.0.0"},
    "R004": {"user_agent": "Mozilla/5.0 (X11; Linux x86_64) Headless Horseman Firefox/153.0"},
    "R005": {"ua_ja4_known_mismatch": None},
    "R006": {"grease_missing": 0.49},
    "R007": {"secfetch_missing": 0.49},
    "R008": {"secfetch_incoherent": 0.49},
    "R009": {"ch_ua_mismatch": None},
    "R010": {"ch_platform_mismatch": 0.49},
    "R011": {"requests": 100, "paths": 19, "status_4xx": 95},
    "R012": {"tls_floor_gap": 0.49},
    "R013": {"hdr_required_missing": 0.49},
    "R015": {"pages": 5, "asset_complete": 0.0},
    "R016": {"enum_score": 0.9, "pages": 5},
    "R017": {"login_attempts": 55, "login_failures": 20},
    "R018": {"sensitive_hits": 0.29},
    "R019": {"claimed_bot": "Unknown"},
    "R020": {"claimed_bot": "Unknown", "user_agent": "Mozilla/5.0 verified"},
    "R021": {"ch_missing": None},
    "R022": {"h2_ua_mismatch": 0.49},
    "R023": {"tcp_os_mismatch": 0.9, "requests": 4},
    "R024": {"ua_engines": 2, "ja4_stable": ""},
    "R025": {"hdr_case_odd": 0.49},
    "R026": {"host": "203.0.113.80.example"},
    "R027": {"disallowed_requests": 30},
    "R028": {"hellos": 40, "unused_hellos": 24},
    "R029": {"ja4": "t13d0101h2_revoked"},
    "R030": {"ja4": "t13d0101h2_good"},
    "R031": {"encoding_poor": 0.49},
    "R032": {"http10_share": None},
    "R033": {"attack_requests": 2},
    "R034": {"mode_share": 0.95, "requests": 20, "reqs_per_conn": 6.0},
    "R035": {"page_gaps": 7, "page_gap_cv": 0.2},
    "R036": {"user_agent": "Uptime-Kuma/1.23.11", "paths": 21},
    "R037": {"page_gaps": 10, "typed_pages": 8, "page_gap_cv": 1.2},
    "R038": {"ch_brand_false": 0.49},
    "R014": {"pq_missing": 1.0, "user_agent": "Mozilla/5.0 (iPhone) Version/26.0 Safari/604.1"},
}
NO_SCORES = pl.DataFrame(
    schema={
        "hour": pl.Datetime("us", "UTC"),
        **dict.fromkeys(("client_ip", "ja4_stable", "host", "model_name", "model_version"), pl.String),
        **dict.fromkeys(("anomaly_score", "score_quantile", "threshold", "p_value"), pl.Float64),
        "is_alert": pl.UInt8,
    }
)


def evaluate(database: ClickHouseResource) -> pl.DataFrame:
    for statement in JOINED:
        database.command(statement)
    query = render(RULES)
    window = {"start": "2026-11-01 00:00:00", "end": "2026-11-02 00:00:00"}
    return database.read(query.text, {**query.parameters, **window})


def fired(frame: pl.DataFrame) -> list[list[str]]:
    return [[rule.id for rule in RULES if row[rule.id]] for row in frame.iter_rows(named=True)]


def test_ids_are_unique_well_formed_and_never_reused() -> None:
    """`used_ids.txt` has a line for every id ever given, `Rnnn title`, in order; it only ever grows."""
    lines = Path(__file__).with_name("used_ids.txt").read_text().splitlines()
    used = dict(line.split(" ", 1) for line in lines)
    assert list(used) == [f"R{number:03}" for number in range(1, len(lines) + 1)]
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"R\d{3}", rule_id) for rule_id in ids)
    # An id whose title is another is an id given to another rule.
    assert {rule.id: rule.title for rule in RULES} == {rule_id: used[rule_id] for rule_id in ids}
    assert len({rule.title for rule in RULES}) == len(RULES)


def test_there_are_rules_of_every_kind_that_was_asked_for() -> None:
    assert len(RULES) >= 25


def test_no_rule_against_weighs_less_than_a_model_s_score_alone() -> None:
    assert min(rule.weight for rule in RULES if rule.verdict is not Verdict.GOOD_BOT) > MODEL_MOST


def test_every_rule_has_a_case_a_reason_and_evidence() -> None:
    assert set(CASES) == set(NEAR_MISSES) == set(RULES_BY_ID)
    for rule in RULES:
        assert rule.reason.endswith(".")
        assert rule.evidence
        assert rule.verdict in {Verdict.BAD_BOT, Verdict.SUSPICIOUS, Verdict.GOOD_BOT}


def test_each_rule_fires_on_its_case_alone_and_decides(
    database: ClickHouseResource, store_entity_hours: Store, ordinary_entity_hour: Callable[..., Row]
) -> None:
    store_entity_hours(
        [ordinary_entity_hour(number, **CASES[rule.id]) for number, rule in enumerate(RULES, start=1)]
    )
    frame = evaluate(database)
    # Addresses were numbered in the catalogue's order, and the query sorts by address.
    assert fired(frame) == [[rule.id] for rule in RULES]
    judged = judge(frame, NO_SCORES, RULES).sort("client_ip", maintain_order=True)
    decided = dict(zip(judged["source_id"], judged["verdict"], strict=True))
    assert decided == {rule.id: rule.verdict.value for rule in RULES if not rule.is_supporting} | {
        NO_RULE: Verdict.UNKNOWN.value
    }


def test_an_ordinary_browser_and_near_misses_fire_nothing(
    database: ClickHouseResource, store_entity_hours: Store, ordinary_entity_hour: Callable[..., Row]
) -> None:
    rows = [ordinary_entity_hour(0)]
    rows += [ordinary_entity_hour(number, **near) for number, near in enumerate(NEAR_MISSES.values(), 1)]
    store_entity_hours(rows)
    assert fired(evaluate(database)) == [[]] * len(rows)


def test_a_user_agent_full_of_sql_is_only_text(
    database: ClickHouseResource, store_entity_hours: Store, ordinary_entity_hour: Callable[..., Row]
) -> None:
    hostile = "'; drop table verdicts; -- {p0:String} \\x00 curl/8"
    store_entity_hours([ordinary_entity_hour(1, user_agent=hostile)])
    frame = evaluate(database)
    assert frame["user_agent"].to_list() == [hostile]
    assert fired(frame) == [["R001"]]


def test_no_value_of_a_rule_enters_the_text_of_the_query() -> None:
    rule = Rule(
        id="R900",
        title="probe",
        reason="A probe.",
        verdict=Verdict.SUSPICIOUS,
        weight=0.5,
        all_of=(
            ContainsAny("user_agent", ("needle'--",)),
            AtLeast("paths", 4242),
            ShareAtLeast("paths", "requests", 0.375),
            Matches("host", "pattern'--"),
        ),
        evidence=("paths",),
    )
    query = render([rule])
    assert "needle" not in query.text
    assert "4242" not in query.text
    assert "pattern" not in query.text
    assert "0.375" not in query.text
    assert list(query.parameters.values()) == [["needle'--"], 4242.0, 0.375, "pattern'--"]


@pytest.mark.parametrize(
    "column", ["client_ip", "1 or 1=1", "user_agent", "secret"], ids=["key", "sql", "text", "unknown"]
)
def test_a_condition_on_anything_but_a_number_of_the_mart_is_refused(column: str) -> None:
    with pytest.raises(ValueError, match="not a column"):
        AtLeast(column, 1.0)


@pytest.mark.parametrize(
    ("change", "fault"),
    [({"weight": 1.0}, "weight"), ({"all_of": ()}, "always fire"), ({"evidence": ()}, "evidence")],
)
def test_a_rule_that_could_not_be_read_later_is_refused(change: dict[str, object], fault: str) -> None:
    whole: dict[str, object] = {
        "id": "R901",
        "title": "t",
        "reason": "r.",
        "verdict": Verdict.SUSPICIOUS,
        "weight": 0.5,
        "all_of": (AtLeast("paths", 1),),
        "evidence": ("paths",),
    }
    with pytest.raises(ValueError, match=fault):
        Rule(**(whole | change))  # type: ignore[arg-type]
