"""Whatever the order and number of arrivals: the same rows in every mart as after one clean run.

Two databases get the same three days of rows. One gets each once, in order, and is built once. The other gets
most of them shuffled and some twice, is built, then gets the late ones, up to 48 hours old, again with
repetitions, and is built again over the hours that `late_hours` finds, twice.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from capture_agent.ports import Row
from ja4_assets.storage import migrate
from ja4_assets.warehouse.late_hours import LATEST_ARRIVAL, maybe_late_window

pytestmark = pytest.mark.slow

HOURS = 60
LATE_SHARE = 0.2
REPEATED_SHARE = 0.3
BATCH = 40
STORED = ("config.materialized:incremental", "config.materialized:table")

CHECKSUMS = """
select
    name,
    engine
from system.tables
where database = currentDatabase() and match(name, '^(fct|dim|int)_') and not startsWith(name, 'dim_label')
order by name
"""


def traffic(now: datetime, parts: SimpleNamespace) -> list[Row]:
    """Visits of a person and a script every five hours, so that what looks back finds something."""
    rows: list[Row] = []
    for back in range(1, HOURS, 5):
        hour = now - timedelta(hours=back)
        visits = [
            *parts.chrome_visit(hour),
            *parts.spoofed_visit(hour, 7),
            *parts.cleartext_visit(hour),
        ]
        rows += visits
    return rows


def checksums(client: Client) -> dict[str, tuple[int, int]]:
    """Table or view -> rows, and a sum of hashes of the rows that no order changes."""
    found = {}
    for name, _ in client.query(CHECKSUMS).result_rows:
        ((rows, total),) = client.query(
            "select count(), sum(cityHash64(toString(tuple(*)))) from {name:Identifier}",
            parameters={"name": name},
        ).result_rows
        found[name] = (rows, total)
    return found


@pytest.fixture
def databases(clickhouse_dsn: str) -> Iterator[tuple[str, str]]:
    """URLs of two migrated databases."""
    urls = tuple(f"{clickhouse_dsn}/repetition_{uuid.uuid4().hex[:12]}" for _ in range(2))
    for url in urls:
        migrate.upgrade(url)
    yield urls
    with closing(clickhouse_connect.get_client(dsn=clickhouse_dsn)) as client:
        for url in urls:
            client.command(f"drop database if exists {urlsplit(url).path.strip('/')} sync")


def test_late_shuffled_and_repeated_rows_give_what_one_clean_run_gives(
    databases: tuple[str, str], project_root: Path, tmp_path: Path, warehouse_parts: SimpleNamespace
) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    rows = traffic(now, warehouse_parts)
    rng = random.Random(20)
    recent = (now - LATEST_ARRIVAL).timestamp() * 1e6
    late = [row for row in rows if row.ts >= recent and rng.random() < LATE_SHARE]
    early = [row for row in rows if row not in late]
    project = project_root / "dbt_clickhouse"

    def build(url: str, *arguments: str, hours: dict[str, str] | None = None) -> None:
        warehouse_parts.dbt(url, tmp_path, project, *arguments, hours=hours)

    def arrive(client: Client, arriving: list[Row]) -> None:
        again = rng.sample(arriving, int(len(arriving) * REPEATED_SHARE))
        shuffled = rng.sample([*arriving, *again], len(arriving) + len(again))
        for at in range(0, len(shuffled), BATCH):
            warehouse_parts.store(client, *shuffled[at : at + BATCH])

    clean_url, shuffled_url = databases
    with (
        closing(clickhouse_connect.get_client(dsn=clean_url)) as clean,
        closing(clickhouse_connect.get_client(dsn=shuffled_url)) as shuffled,
    ):
        warehouse_parts.store(clean, *rows)
        build(clean_url, "seed")
        build(clean_url, "run")

        arrive(shuffled, early)
        build(shuffled_url, "seed")
        build(shuffled_url, "run")
        assert maybe_late_window(shuffled, now) is None, "everything that is stored is built"
        arrive(shuffled, late)
        window = maybe_late_window(shuffled, now)
        assert window is not None
        assert window[0] <= datetime.fromtimestamp(min(row.ts for row in late) / 1e6, UTC)
        hours = {
            "JA4_START_HOUR": f"{window[0]:%Y-%m-%d %H:00:00}",
            "JA4_END_HOUR": f"{window[1]:%Y-%m-%d %H:00:00}",
        }
        for _ in range(2):
            build(shuffled_url, "run", "--select", *STORED, hours=hours)
        assert maybe_late_window(shuffled, now) is None
        assert checksums(shuffled) == checksums(clean)
