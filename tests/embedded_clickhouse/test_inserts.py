"""What is acknowledged is stored, whatever the client and the format; what cannot be stored is an error."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import IPv6Address
from typing import Any

import lz4.frame
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

HOUR = datetime(2026, 11, 22, 14, 0, 0, 123456, tzinfo=UTC)
ROWS = [[1, "one", None, ["a", "b"], HOUR], [2, "it's; --", 2.5, [], HOUR]]
NAMES = ["id", "name", "ratio", "tags", "ts"]
COLUMNS = """
    id UInt64,
    name String,
    ratio Nullable(Float64),
    tags Array(LowCardinality(String)),
    ts DateTime64(6, 'UTC')
"""


@pytest.fixture
def table(client: Client) -> str:
    client.command(f"create table t ({COLUMNS}) engine = MergeTree order by id")
    return "t"


def by_rows(client: Client) -> None:
    client.insert("t", ROWS, column_names=NAMES)


def by_columns(client: Client) -> None:
    client.insert("t", [list(column) for column in zip(*ROWS, strict=True)], NAMES, column_oriented=True)


def as_dict() -> dict[str, list[Any]]:
    return dict(zip(NAMES, (list(column) for column in zip(*ROWS, strict=True)), strict=True))


def by_pandas(client: Client) -> None:
    client.insert_df("t", pd.DataFrame(as_dict()))


def by_arrow(client: Client) -> None:
    client.insert_arrow("t", pa.table(as_dict()))


def by_polars(client: Client) -> None:
    client.insert_df_arrow("t", pl.DataFrame(as_dict()))


def by_json_lines(client: Client) -> None:
    lines = (
        b'{"id":1,"name":"one","ratio":null,"tags":["a","b"],"ts":"2026-11-22T14:00:00.123456Z"}\n'
        b'{"id":2,"name":"it\'s; --","ratio":2.5,"tags":[],"ts":"2026-11-22T14:00:00.123456Z"}\n'
    )
    client.raw_insert(
        "t", insert_block=lines, fmt="JSONEachRow", settings={"date_time_input_format": "best_effort"}
    )


def by_csv_with_a_blank_line_in_a_value(client: Client) -> None:
    text = (
        "1,one,\\N,\"['a','b']\",2026-11-22 14:00:00.123456\n2,it's; --,2.5,[],2026-11-22 14:00:00.123456\n"
    )
    client.raw_insert("t", NAMES, text, fmt="CSV")


def by_csv_stream(client: Client) -> None:
    text = (
        b"1,one,\\N,\"['a','b']\",2026-11-22 14:00:00.123456\n2,it's; --,2.5,[],2026-11-22 14:00:00.123456\n"
    )
    client.raw_insert("t", NAMES, io.BytesIO(text), fmt="CSV")


def by_gzipped_csv(client: Client) -> None:
    text = (
        b"1,one,\\N,\"['a','b']\",2026-11-22 14:00:00.123456\n2,it's; --,2.5,[],2026-11-22 14:00:00.123456\n"
    )
    client.raw_insert("t", NAMES, gzip.compress(text), fmt="CSV", compression="gzip")


def by_values(client: Client) -> None:
    client.command(
        "insert into t values (1, 'one', null, ['a', 'b'], '2026-11-22 14:00:00.123456'), "
        "(1 + 1, 'it''s; --', 2.5, [], toDateTime64('2026-11-22 14:00:00.123456', 6, 'UTC'));"
    )


def by_select(client: Client) -> None:
    by_rows(client)
    client.command("create table t2 as t")
    client.command("insert into t2 select * from t")
    client.command("exchange tables t and t2")


WAYS = [
    by_rows, by_columns, by_pandas, by_arrow, by_polars, by_json_lines,
    by_csv_with_a_blank_line_in_a_value, by_csv_stream, by_gzipped_csv, by_values, by_select,
]  # fmt: skip


@pytest.mark.parametrize("insert", WAYS)
def test_rows_come_back_as_they_were_sent(
    client: Client, table: str, insert: Callable[[Client], None]
) -> None:
    insert(client)
    found = client.query("select * from t order by id", tz_mode="aware").result_rows
    assert [list(row) for row in found] == ROWS


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_native_insert_and_select_in_every_encoding(
    gateway: Any, database: str, compress: bool | str
) -> None:
    with gateway.client(database=database, compress=compress) as client:
        client.command("create table n (id UInt64, name String) engine = MergeTree order by id")
        summary = client.insert("n", [[place, f"row {place}"] for place in range(5000)], ["id", "name"])
        assert summary.written_rows == 5000
        found = client.query("select id, name from n order by id").result_rows
    assert found == [(place, f"row {place}") for place in range(5000)]


def test_insert_packed_with_the_statement_in_the_url(gateway: Any, database: str) -> None:
    gateway.ask(f"create table {database}.t (id UInt64) engine = MergeTree order by id")
    packed = lz4.frame.compress(b"1\n2\n3\n")
    answer = gateway.ask(
        "insert into t format TSV",
        packed,
        headers={**gateway.login, "Content-Encoding": "lz4"},
        database=database,
    )
    assert answer.status == 200
    assert gateway.ask("select sum(id) from t", database=database).text == "6\n"


def test_blank_line_and_sql_in_the_rows_are_rows(gateway: Any, database: str) -> None:
    gateway.ask(f"create table {database}.t (s String) engine = MergeTree order by s")
    body = "insert into t format LineAsString\n\n\ndrop table t\n"
    assert gateway.ask(body, database=database).status == 200
    found = gateway.ask("select s from t order by s format TSV", database=database).text
    assert found == "\n\ndrop table t\n"


def test_addresses_keep_their_type(client: Client) -> None:
    client.command("create table a (ip IPv6) engine = MergeTree order by ip")
    client.insert("a", [[IPv6Address("::ffff:192.0.2.1")], [IPv6Address("2001:db8::1")]], ["ip"])
    assert client.command("select groupArray(toString(ip)) from a") == "['::ffff:192.0.2.1','2001:db8::1']"


def test_retry_with_the_same_token_adds_nothing(client: Client) -> None:
    client.command(
        "create table t (id UInt64) engine = MergeTree order by id "
        "settings non_replicated_deduplication_window = 100"
    )
    for token in ("batch-1", "batch-1", "batch-2"):
        client.raw_insert(
            "t",
            insert_block=b'{"id": 7}\n',
            fmt="JSONEachRow",
            settings={"insert_deduplication_token": token},
        )
    assert client.command("select count() from t") == 2


def test_retry_with_the_same_token_adds_nothing_behind_a_view(client: Client) -> None:
    window = "settings non_replicated_deduplication_window = 100"
    client.command(f"create table t (id UInt64) engine = MergeTree order by id {window}")
    client.command(f"create table doubled (id UInt64) engine = MergeTree order by id {window}")
    client.command("create materialized view v to doubled as select id * 2 as id from t")
    options = {
        "insert_deduplication_token": "batch-1",
        "deduplicate_blocks_in_dependent_materialized_views": 1,
    }
    for _ in range(2):
        client.raw_insert("t", insert_block=b"7\n", fmt="TSV", settings=options)
    assert client.command("select count(), sum(id) from doubled") == ["1", "14"]


def test_constraint_violation_is_an_error_and_stores_nothing(client: Client) -> None:
    client.command(
        "create table t (id Int64, constraint positive check id > 0) engine = MergeTree order by id"
    )
    with pytest.raises(DatabaseError, match="VIOLATED_CONSTRAINT") as caught:
        client.insert("t", [[place] for place in range(1000, -1, -1)], ["id"])
    assert caught.value.code == 469
    assert client.command("select count() from t") == 0


def test_exception_in_a_materialised_view_surfaces(client: Client) -> None:
    client.command("create table t (id Int64) engine = MergeTree order by id")
    client.command("create table target (id UInt8) engine = MergeTree order by id")
    client.command("create materialized view v to target as select throwIf(id = 13)::UInt8 as id from t")
    client.insert("t", [[1]], ["id"])
    with pytest.raises(DatabaseError, match="FUNCTION_THROW_IF_VALUE_IS_NON_ZERO") as caught:
        client.insert("t", [[13]], ["id"])
    assert caught.value.code == 395


def test_row_that_cannot_be_parsed_is_an_error_that_names_no_file_of_the_gateway(
    gateway: Any, database: str
) -> None:
    gateway.ask(f"create table {database}.t (id UInt64) engine = MergeTree order by id")
    answer = gateway.ask("insert into t format TSV\n1\nx\n", database=database)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (400, "27")
    assert "/proc/self/fd" not in answer.text
    assert gateway.ask("select count() from t", database=database).text == "0\n"


def test_insert_into_a_table_that_does_not_exist_is_an_error(gateway: Any) -> None:
    answer = gateway.ask("insert into no_such_table format TSV\n1\n")
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (404, "60")


def test_swapped_columns_are_told_apart_by_name(client: Client) -> None:
    client.command("create table t (first String, second String) engine = MergeTree order by first")
    client.insert("t", [["2", "1"]], column_names=["second", "first"])
    assert client.query("select first, second from t").result_rows == [("1", "2")]
