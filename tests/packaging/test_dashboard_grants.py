"""The dashboard's database user: granted what its reads need and three tables to add to, nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import clickhouse_connect

from soc_dashboard.store.contract import MART_COLUMNS

ROOT = Path(__file__).resolve().parents[2]
GRANTS = (ROOT / "packaging" / "platform" / "dashboard-grants.sql").read_text("utf-8")
MODELS = {path.stem: path for path in (ROOT / "dbt_clickhouse" / "models").rglob("*.sql")}
WRITTEN = {"analyst_labels", "audit_log", "detection_settings"}


def read_by(name: str) -> set[str]:
    """Tables that a question to `name` reads: itself and, if it is a view, what that reads.

    A view of ClickHouse runs with the rights of whoever asks it (`SQL SECURITY INVOKER`).
    """
    path = MODELS.get(name)
    if path is None:
        return {name}
    text = path.read_text("utf-8")
    is_view = "materialized='view'" in text or ("config(" not in text and path.parent.name == "staging")
    found = {name}
    if is_view:
        for called in re.findall(r"\{\{\s*ref\('(\w+)'\)", text):
            found |= read_by(called)
        for called in re.findall(r"\{\{\s*source\('\w+',\s*'(\w+)'\)", text):
            found |= read_by(called)
    return found


def looked_up_by(names: set[str]) -> set[str]:
    """Dictionaries that the views among these models ask."""
    texts = [MODELS[name].read_text("utf-8") for name in names if name in MODELS]
    views = [text for text in texts if "materialized='view'" in text]
    return {f"intel_{name}" for text in views for name in re.findall(r"\bintel\('(\w+)'", text)}


def granted(what: str) -> set[str]:
    return set(
        re.findall(rf"^grant {what} on ja4_processing\.(\w+) to ja4_dashboard;$", GRANTS, re.MULTILINE)
    )


def test_every_table_that_a_page_reads_is_granted_and_no_other() -> None:
    needed = set().union(*map(read_by, MART_COLUMNS))
    assert granted("select") == needed


def test_every_dictionary_that_a_view_asks_is_granted_and_no_other() -> None:
    needed = looked_up_by(set().union(*map(read_by, MART_COLUMNS)))
    assert needed
    assert granted("dictGet") == needed


def test_rows_are_added_to_three_tables_only() -> None:
    assert granted("insert") == WRITTEN


def test_there_is_no_wider_grant() -> None:
    lines = [line for line in GRANTS.splitlines() if line.startswith("grant ")]
    assert len(lines) == sum(len(granted(what)) for what in ("select", "insert", "dictGet"))
    assert "*" not in "".join(lines)


def test_clickhouse_reads_every_statement(clickhouse_dsn: str) -> None:
    statements = [text.strip() for text in re.sub(r"--[^\n]*", "", GRANTS).split(";") if text.strip()]
    with clickhouse_connect.get_client(dsn=clickhouse_dsn) as client:
        for statement in statements:
            assert client.query("select formatQuery({text:String})", parameters={"text": statement}).first_row
