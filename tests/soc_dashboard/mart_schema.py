"""The marts as tables of the columns that dbt declares, and dbt's own views over them.

A column that dbt renames is gone from these tables too, and the tests of the store fail.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import yaml

VIEWS = ("dim_label", "dim_setting", "fct_audit", "fct_alert")
"""Marts that are made as dbt's own views, over tables of the migrations and the marts made here; in order."""
MART_FOLDER = Path(__file__).resolve().parents[2] / "dbt_clickhouse" / "models" / "marts"


def declared_marts() -> dict[str, dict[str, str]]:
    """Columns and types of every mart, as its dbt contract declares them: mart -> column -> type."""
    marts: dict[str, dict[str, str]] = {}
    for path in sorted(MART_FOLDER.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text("utf-8")).get("models") or []:
            marts[model["name"]] = {column["name"]: column["data_type"] for column in model["columns"]}
    return marts


def create_tables(client: Any) -> None:
    """Make every mart that is no view, empty, in the client's database."""
    for name, columns in declared_marts().items():
        if name in VIEWS:
            continue
        listed = ", ".join(f"`{column}` {kind}" for column, kind in columns.items())
        client.command(f"create table {name} ({listed}) engine = MergeTree order by tuple()")


def create_views(client: Any) -> None:
    """Make VIEWS."""
    for name in VIEWS:
        model = next(MART_FOLDER.rglob(f"{name}.sql")).read_text("utf-8")
        select = re.sub(r"\{\{ config\(.*?\) \}\}", "", model)
        select = re.sub(r"\{\{ source\('\w+', '(\w+)'\) \}\}", r"\1", select)
        select = re.sub(r"\{\{ ref\('(\w+)'\) \}\}", r"\1", select)
        client.command(f"create view {name} as {select}")


def insert(client: Any, table: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows that all have the same keys."""
    if rows:
        names = list(rows[0])
        client.insert(table, [[row[name] for name in names] for row in rows], column_names=names)


def mapped(address: str) -> ipaddress.IPv6Address:
    """An address as the IPv6 column holds it."""
    parsed = ipaddress.ip_address(address)
    return parsed if parsed.version == 6 else ipaddress.IPv6Address(f"::ffff:{address}")
