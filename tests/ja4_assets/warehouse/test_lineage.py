"""Column lineage follows CTEs, joins and stars to the tables that dbt's statement reads."""

from __future__ import annotations

import pytest

from ja4_assets.warehouse.lineage import LineageError, column_lineage

COLUMNS = {
    "stg_requests": {"ts": "DateTime64(6, 'UTC')", "client_ip": "IPv6", "status": "UInt16"},
    "known": {"ja4": "String", "family": "String"},
}


def test_a_column_is_followed_through_a_star_a_cte_and_an_expression() -> None:
    sql = """
    with source as (select * from `ja4_processing`.`stg_requests`),
    counted as (
        select toStartOfHour(ts) as hour, client_ip, countIf(status >= 400) as errors
        from source group by hour, client_ip
    )
    select hour, client_ip, errors, 1 as one from counted
    """
    assert column_lineage(sql, COLUMNS) == {
        "hour": [("stg_requests", "ts")],
        "client_ip": [("stg_requests", "client_ip")],
        "errors": [("stg_requests", "status")],
        "one": [],
    }


def test_a_join_names_both_tables() -> None:
    sql = """
    select concat(known.family, toString(request.status)) as both
    from ja4_processing.stg_requests as request
    left join ja4_processing.known as known on known.ja4 = toString(request.client_ip)
    """
    assert column_lineage(sql, COLUMNS)["both"] == [("known", "family"), ("stg_requests", "status")]


def test_a_statement_that_cannot_be_parsed_is_refused() -> None:
    with pytest.raises(LineageError):
        column_lineage("select from where (", COLUMNS)
