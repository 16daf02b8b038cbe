"""Reading through the HTTP interface: parameters, formats, errors at each moment, sessions, passwords."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", "it's a 'quote', a \\ and a\nline"),
        ("UInt8", 200),
        ("Array(String)", ["a'b", "c"]),
        ("DateTime64(6, 'UTC')", datetime(2026, 11, 22, 14, 0, 0, 123456)),  # noqa: DTZ001 - naive means UTC to the client
        ("Nullable(String)", None),
    ],
)
def test_bound_parameter_arrives_as_it_was_given(client: Client, kind: str, value: Any) -> None:
    found = client.query(f"select {{x:{kind}}} as x", parameters={"x": value}).result_rows
    assert found == [(value,)]


def test_parameter_is_a_value_and_never_sql(client: Client) -> None:
    hostile = "'; drop database default; --"
    assert client.query("select {x:String} as x", parameters={"x": hostile}).result_rows == [(hostile,)]


def test_parameter_too_long_for_a_url_arrives(client: Client) -> None:
    long = "0123456789" * 20_000
    assert client.query("select length({x:String}) as n", parameters={"x": long}).result_rows == [(200_000,)]


def test_external_data_is_a_table_for_one_query(client: Client) -> None:
    data = ExternalData(
        file_name="people.csv", fmt="CSV", structure=["id UInt32", "name String"], data=b"1,Ann\n2,Bob\n"
    )
    found = client.query("select name from people order by id", external_data=data).result_rows
    assert found == [("Ann",), ("Bob",)]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("select name from people")


def test_url_database_and_header_choose_the_current_one(gateway: Any, database: str) -> None:
    by_header = {**gateway.login, "X-ClickHouse-Database": database}
    assert gateway.ask("select currentDatabase()", headers=by_header).text == f"{database}\n"
    assert gateway.ask("select currentDatabase()", database=database).text == f"{database}\n"
    assert gateway.ask("select currentDatabase()").text == "default\n"
    assert gateway.ask("select 1", database="no_such").headers["X-ClickHouse-Exception-Code"] == "81"


def test_default_format_holds_where_the_statement_names_none(gateway: Any) -> None:
    assert gateway.ask("select 1 as n", default_format="JSONEachRow").text == '{"n":1}\n'
    assert gateway.ask("select 1 as n format CSV", default_format="JSONEachRow").text == "1\n"


@pytest.mark.parametrize("waits", ["0", "1"])
def test_large_answer_is_packed_as_the_client_asks(gateway: Any, waits: str) -> None:
    headers = {**gateway.login, "Accept-Encoding": "gzip"}
    answer = gateway.ask(
        "select number from numbers(200000) format TSV", headers=headers, wait_end_of_query=waits
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == b"".join(b"%d\n" % place for place in range(200_000))


def test_summary_counts_what_was_read(gateway: Any) -> None:
    answer = gateway.ask("select sum(number) from numbers(1000)", wait_end_of_query="1")
    summary = json.loads(answer.headers["X-ClickHouse-Summary"])
    assert (summary["read_rows"], summary["result_rows"]) == ("1000", "1")


@pytest.mark.parametrize(
    ("statement", "status", "code"),
    [
        ("select nope", 404, "47"),
        ("select * from no_such_table", 404, "60"),
        ("this is no sql", 400, "62"),
        ("select", 400, "62"),
        ("bad", 400, "62"),
        ("select throwIf(1)", 500, "395"),
        ("select 1 settings no_such_setting = 1", 404, "115"),
        ("select toUInt8('x')", 400, "6"),
        ("select 1; select 2", 400, "62"),
        ("select sleep(3) settings max_execution_time = 0.2", 408, "159"),
    ],
)
@pytest.mark.parametrize("waits", ["0", "1"])
def test_error_has_the_servers_status_code_and_words(
    gateway: Any, statement: str, status: int, code: str, waits: str
) -> None:
    answer = gateway.ask(statement, wait_end_of_query=waits)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")


def test_refused_batch_ran_none_of_its_statements(gateway: Any, database: str) -> None:
    gateway.ask(f"create table {database}.t (id UInt8) engine = Memory")
    assert gateway.ask(f"drop table {database}.t; no sql").status == 400
    assert gateway.ask(f"exists {database}.t").text == "1\n"


def test_error_after_the_first_block_reaches_the_client(client: Client, gateway: Any) -> None:
    statement = "select throwIf(number = 900000) as x, number from numbers(1000000)"
    with (
        pytest.raises(StreamFailureError, match="throwIf"),
        client.query_row_block_stream(statement) as stream,
    ):
        assert sum(len(block) for block in stream) < 1_000_000
    answer = gateway.ask(f"{statement} format TSV")
    tag = answer.headers["X-ClickHouse-Exception-Tag"]
    assert answer.status == 200
    assert answer.body.endswith(f" {tag}\r\n__exception__\r\n".encode())


def test_get_reads_and_refuses_to_write(gateway: Any, database: str) -> None:
    assert gateway.ask("select 1", method="GET").text == "1\n"
    for session in ({}, {"session_id": f"get-{database}"}):
        answer = gateway.ask(f"create table {database}.t (id UInt8) engine = Memory", method="GET", **session)
        assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert gateway.ask(f"exists {database}.t").text == "0\n"


def test_setting_of_a_session_outlives_the_request(gateway: Any, database: str) -> None:
    session = {"session_id": database}
    ask_setting = "select getSetting('join_use_nulls')"
    gateway.ask("set join_use_nulls = 1", **session)
    assert gateway.ask(ask_setting, **session).text == "true\n"
    assert gateway.ask(ask_setting, join_use_nulls="0", **session).text == "false\n"
    assert gateway.ask(ask_setting, **session).text == "true\n"
    assert gateway.ask(ask_setting).text == "false\n"


def test_temporary_table_and_use_live_in_their_session(gateway: Any, database: str) -> None:
    session = {"session_id": database}
    gateway.ask("create temporary table kept (id UInt8)", **session)
    assert gateway.ask("insert into kept values (1), (2)", **session).status == 200
    gateway.ask(f"use {database}", **session)
    assert gateway.ask("select count(), currentDatabase() from kept", **session).text == f"2\t{database}\n"
    assert gateway.ask("select count() from kept").status == 404
    gateway.ask("select 1", close_session="1", **session)
    assert gateway.ask("select count() from kept", **session).status == 404


@pytest.mark.parametrize("statement", ["select 1", "select number from numbers(200000) format TSV"])
def test_answer_comes_after_its_session_is_free(gateway: Any, database: str, statement: str) -> None:
    session = {"session_id": database}
    gateway.ask("set join_use_nulls = 1", **session)
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    for _ in range(50):
        connection.request("POST", f"/?{urlencode(session)}", body=statement, headers=gateway.login)
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    connection.close()


def test_client_that_waits_for_leave_to_send_gets_it_at_once(gateway: Any) -> None:
    with socket.create_connection((gateway.host, gateway.port), timeout=5) as connection:
        head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\nExpect: 100-continue\r\n"
        login = "".join(f"{name}: {value}\r\n" for name, value in gateway.login.items())
        connection.sendall(f"{head}{login}\r\n".encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"select 1")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_client_of_http_1_0_gets_an_answer_without_chunks(gateway: Any) -> None:
    with socket.create_connection((gateway.host, gateway.port), timeout=5) as connection:
        login = "".join(f"{name}: {value}\r\n" for name, value in gateway.login.items())
        connection.sendall(f"POST / HTTP/1.0\r\nContent-Length: 8\r\n{login}\r\nselect 1".encode())
        answer = b"".join(iter(lambda: connection.recv(1000), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == b"1\n"


def test_session_of_the_client_library_keeps_a_temporary_table(gateway: Any, database: str) -> None:
    with gateway.client(database=database, session_id=f"client-{database}") as client:
        client.command("create temporary table kept (id UInt8)")
        client.insert("kept", [[1], [2]], ["id"])
        assert client.query("select sum(id) from kept").result_rows == [(3,)]


@pytest.mark.parametrize(
    ("headers", "fields", "status", "code"),
    [
        ({}, {}, 401, "194"),
        ({"X-ClickHouse-User": "ja4", "X-ClickHouse-Key": "wrong"}, {}, 403, "516"),
        ({"X-ClickHouse-User": "ja4"}, {}, 403, "516"),
        ({"X-ClickHouse-User": "default", "X-ClickHouse-Key": "for-tests-only"}, {}, 403, "516"),
        ({"Authorization": "Basic !!!"}, {}, 403, "516"),
        ({"Authorization": "Bearer x"}, {}, 401, "194"),
        ({}, {"user": "ja4", "password": ""}, 403, "516"),
    ],
)
def test_request_without_the_right_password_is_refused(
    gateway: Any, headers: dict[str, str], fields: dict[str, str], status: int, code: str
) -> None:
    answer = gateway.ask("select 1", headers=headers, **fields)
    assert (answer.status, answer.headers["X-ClickHouse-Exception-Code"]) == (status, code)


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"x-clickhouse-user": "ja4", "x-clickhouse-key": "for-tests-only"}, {}),
        ({"Authorization": "Basic amE0OmZvci10ZXN0cy1vbmx5"}, {}),
        ({}, {"user": "ja4", "password": "for-tests-only"}),
    ],
)
def test_password_is_taken_from_header_basic_authentication_or_url(
    gateway: Any, headers: dict[str, str], fields: dict[str, str]
) -> None:
    assert gateway.ask("select 1", headers=headers, **fields).text == "1\n"


def test_health_check_needs_no_password(gateway: Any) -> None:
    assert gateway.ask(method="GET", path="/ping", headers={}).body == b"Ok.\n"
    assert gateway.ask(method="GET", path="/no/such", headers={}).status == 404


def running_queries(gateway: Any, marker: str) -> int:
    statement = """
        select count() from system.processes
        where position(query, {marker:String}) > 0 and position(query, 'system.processes') = 0
    """
    return int(gateway.ask(statement, param_marker=marker).text)


def test_query_ends_when_its_client_goes_away(gateway: Any, database: str) -> None:
    statement = "select sleepEachRow(1), {marker:String} from numbers(60) settings max_block_size = 1"
    fields = {"wait_end_of_query": "1", "param_marker": database, "query": statement}
    connection = http.client.HTTPConnection(gateway.host, gateway.port)
    connection.request("GET", f"/?{urlencode(fields)}", headers=gateway.login)
    deadline = time.monotonic() + 10
    while running_queries(gateway, database) == 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running_queries(gateway, database) == 1
    connection.close()
    while running_queries(gateway, database) > 0 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert running_queries(gateway, database) == 0


def test_memory_limit_of_a_query_is_an_error_and_the_database_goes_on(gateway: Any) -> None:
    answer = gateway.ask(
        "select length(groupArray(number)) from numbers(10000000)", max_memory_usage="10000000"
    )
    assert answer.headers["X-ClickHouse-Exception-Code"] == "241"
    assert gateway.ask("select 1").text == "1\n"


def test_connection_is_kept_after_an_error(gateway: Any) -> None:
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=10)
    for statement, status in (("select 1", 200), ("select nope", 404), ("select 2", 200)):
        connection.request("POST", "/", body=statement, headers=gateway.login)
        response = connection.getresponse()
        response.read()
        assert response.status == status
    connection.close()


def test_body_beyond_the_limit_is_refused(tmp_path: Any, run_gateway: Any) -> None:
    with run_gateway(tmp_path, "--max-body-bytes", "1000000") as gateway:
        gateway.ask("create table t (s String) engine = MergeTree order by s")
        answer = gateway.ask("insert into t format TSV\n" + "0123456789\n" * 200_000)
        assert answer.status == 413
        assert gateway.ask("select count() from t").text == "0\n"
