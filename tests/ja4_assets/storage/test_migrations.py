"""The migrations against a real database: up, down, and again."""

from __future__ import annotations

import pytest
from clickhouse_connect.driver import Client

from ja4_assets.storage import migrate
from ja4_assets.storage.__main__ import main

TABLES = {
    "raw_tls_hellos",
    "raw_http_requests",
    "raw_agent_ticks",
    "bot_scores",
    "verdicts",
    "analyst_labels",
    "audit_log",
    "campaigns",
    "campaign_members",
    "review_ranks",
    "detection_settings",
    "intel_sources",
    "intel_networks",
    "intel_autonomous_systems",
    "intel_crawlers",
    "intel_public_suffixes",
    "intel_disallowed_paths",
    "bot_identities",
    "shadow_scores",
    "model_versions",
    "model_evaluations",
    "model_drift",
    "agg_ja4_seen",
    "agg_first_seen",
    "agg_requests_minute",
    "agg_requests_hour",
    "agg_requests_day",
}
VIEWS = {f"{table}_mv" for table in TABLES if table.startswith("agg_")}
DICTIONARIES = {
    "intel_asn",
    "intel_country",
    "intel_cloud",
    "intel_crawler_range",
    "intel_anonymiser",
    "intel_autonomous_system",
}


def tables(client: Client) -> dict[str, str]:
    rows = client.query(
        "select name, create_table_query from system.tables where database = currentDatabase()"
        " and name != 'alembic_version'"
    ).result_rows
    return dict(rows)


def test_upgrade_creates_the_database_and_every_table(migrated: Client) -> None:
    assert set(tables(migrated)) == TABLES | VIEWS | DICTIONARIES


def test_second_upgrade_applies_nothing(database_url: str, migrated: Client) -> None:
    before = migrated.query(
        "select name, metadata_modification_time, uuid from system.tables where database = currentDatabase()"
    ).result_rows
    migrate.upgrade(database_url)
    after = migrated.query(
        "select name, metadata_modification_time, uuid from system.tables where database = currentDatabase()"
    ).result_rows
    assert sorted(before) == sorted(after)
    assert migrate.current_revision(database_url) == migrate.head_revision()


def test_downgrade_leaves_no_table_and_upgrade_restores_the_same_schema(
    database_url: str, migrated: Client
) -> None:
    before = tables(migrated)
    migrate.downgrade(database_url, "base")
    assert tables(migrated) == {}
    assert migrate.current_revision(database_url) is None
    migrate.upgrade(database_url)
    assert tables(migrated) == before


def test_upgrade_that_stopped_half_way_is_completed_by_the_next(database_url: str, migrated: Client) -> None:
    before = tables(migrated)
    migrate.downgrade(database_url, "0001")
    migrated.command("drop table raw_agent_ticks sync")
    migrated.command("truncate table alembic_version")
    migrate.upgrade(database_url)
    assert tables(migrated) == before


def test_command_line_prints_the_revision_it_reached(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["current", "--url", database_url]) == 0
    assert main(["upgrade", "--url", database_url]) == 0
    assert main(["downgrade", "0001", "--url", database_url]) == 0
    assert capsys.readouterr().out.split() == ["base", migrate.head_revision(), "0001"]


def test_wrong_password_is_reported_without_being_shown(
    database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = database_url.replace("ja4:for-tests-only@", "ja4:not-the-password@")
    assert main(["upgrade", "--url", url]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("ClickHouse refused:")
    assert "not-the-password" not in complaint


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("clickhouse://u:secret@h/db", "must start with http"),
        ("http://u:secret@h:8123", "must end with one database name"),
        ("http://u:secret@h:8123/a/b", "must end with one database name"),
        ("http:///db", "names no host"),
    ],
)
def test_unusable_url_is_refused_without_showing_its_password(url: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as caught:
        migrate.DatabaseUrl.parse(url)
    assert "secret" not in str(caught.value)
