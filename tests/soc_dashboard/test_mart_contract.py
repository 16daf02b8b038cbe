"""The columns that the queries read are those that dbt declares."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from types import ModuleType

import pytest

import soc_dashboard
from soc_dashboard.store.contract import MART_COLUMNS, missing_columns
from soc_dashboard.store.database import MartDatabase

QUERIES = sorted(Path(soc_dashboard.__file__).parent.joinpath("queries").glob("*.sql"))


def test_every_column_of_the_contract_is_declared_by_dbt(mart_tables: ModuleType) -> None:
    declared = mart_tables.declared_marts()
    absent = [
        f"{mart}.{column}"
        for mart, columns in MART_COLUMNS.items()
        for column in columns
        if column not in declared.get(mart, {})
    ]
    assert absent == []


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_queries_read_marts_only(query: Path) -> None:
    text = re.sub(r"--.*", "", query.read_text("utf-8"))
    own = set(re.findall(r"^ {4}(\w+) as \($", text, re.MULTILINE))
    tables = set(re.findall(r"\b(?:from|join)\s+([\w.]+)", text)) - own
    assert tables <= {*MART_COLUMNS, "system.columns"}


@pytest.mark.parametrize("query", QUERIES, ids=lambda path: path.stem)
def test_queries_bind_their_values(query: Path) -> None:
    assert "%(" not in query.read_text("utf-8")
    assert re.findall(r"\{(\w*)\}", query.read_text("utf-8")) == []


def test_declared_marts_lack_nothing(day_marts: MartDatabase) -> None:
    assert asyncio.run(missing_columns(day_marts)) == []


def test_absent_marts_are_named(clickhouse_dsn: str) -> None:
    marts = MartDatabase(f"{clickhouse_dsn}/default")
    absent = asyncio.run(missing_columns(marts))
    assert "fct_entity_verdict.verdict" in absent
    assert len(absent) == sum(map(len, MART_COLUMNS.values()))
    marts.close()
