"""An hourly model whose stored table is of another release: columns that it lacks, and of another type."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

pytestmark = pytest.mark.slow

CHANGES = {
    "lacking": "alter table fct_country_hour drop column pages",
    "of_another_type": "alter table fct_country_hour modify column pages String",
}
EXPECTED = """
select hour, country, sum(pages) as pages
from fct_entity_hour
where requests > 0
group by hour, country
order by hour, country
"""
COUNTS = "select hour, country, toUInt64(pages) from fct_country_hour order by hour, country"
TYPES = (
    "select name, type from system.columns where database = currentDatabase() and table = 'fct_country_hour'"
)


@pytest.fixture(autouse=True)
def _restored(warehouse: Any) -> Iterator[None]:
    yield
    warehouse.client.command("alter table fct_country_hour modify column pages UInt64")


@pytest.fixture(scope="module")
def build(
    warehouse: Any,
    warehouse_parts: SimpleNamespace,
    project_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], str]:
    """Build the mart; in a folder of its own, since other tests read the logs of the first two runs."""
    folder, project = tmp_path_factory.mktemp("dbt_columns"), project_root / "dbt_clickhouse"
    chosen = ("run", "--select", "fct_country_hour")
    return lambda: cast("str", warehouse_parts.dbt(warehouse.database_url, folder, project, *chosen))


def test_a_column_that_came_later_is_added_and_filled(warehouse: Any, build: Callable[[], str]) -> None:
    types = dict(warehouse.client.query(TYPES).result_rows)
    expected = warehouse.client.query(EXPECTED).result_rows
    assert any(pages for _, _, pages in expected)
    warehouse.client.command(CHANGES["lacking"])
    # Twice: then the column is there, and stands last in the table, as it does not in the model's query.
    for _ in range(2):
        build()
        assert dict(warehouse.client.query(TYPES).result_rows) == types
        assert warehouse.client.query(COUNTS).result_rows == expected


def test_a_stored_type_that_is_not_the_contracts_is_refused_and_keeps_its_rows(
    warehouse: Any, build: Callable[[], str]
) -> None:
    warehouse.client.command(CHANGES["of_another_type"])
    before = warehouse.client.query(COUNTS).result_rows
    with pytest.raises(pytest.fail.Exception, match="pages"):
        build()
    assert warehouse.client.query(COUNTS).result_rows == before
