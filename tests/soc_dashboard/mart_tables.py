"""The marts that the dashboard reads, as tables of the columns that dbt declares: a day of a small shop.

`python tests/soc_dashboard/mart_tables.py DSN DATABASE` makes them for a look at the screen.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import clickhouse_connect
from mart_schema import create_tables, create_views, declared_marts, insert, mapped
from shop_clients import APACHE_BENCH, CHROMIUM, CURL, FIREFOX, HELLOS, HOSTILE_TEXTS, SCRAPER
from shop_day import entity_verdict, fill, fill_hostile

from ja4_assets.storage import migrate

__all__ = [
    "APACHE_BENCH",
    "CHROMIUM",
    "CURL",
    "FIREFOX",
    "HELLOS",
    "HOSTILE_TEXTS",
    "SCRAPER",
    "create_tables",
    "create_views",
    "declared_marts",
    "entity_verdict",
    "fill",
    "fill_hostile",
    "insert",
    "mapped",
]


def main(dsn: str, database: str, rows: str = "day") -> None:
    """Make the marts of a new database; `rows` is `day`, `hostile` or `none`."""
    with clickhouse_connect.get_client(dsn=dsn) as root:
        root.command(f"drop database if exists {database}")
        root.command(f"create database {database} engine = Atomic")
    migrate.upgrade(f"{dsn}/{database}")
    with clickhouse_connect.get_client(dsn=dsn, database=database) as client:
        create_tables(client)
        create_views(client)
        if rows == "day":
            fill(client, datetime.now(UTC))
        elif rows == "hostile":
            fill_hostile(client, datetime.now(UTC))


if __name__ == "__main__":
    main(*sys.argv[1:])
