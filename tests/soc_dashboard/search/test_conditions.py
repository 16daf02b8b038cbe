"""Queries against requests counted in the rows themselves."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any

import clickhouse_connect
import pytest

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import FIELDS, Grain
from soc_dashboard.search.terms import SearchError, Term, parse
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.requests import (
    count_requests,
    maybe_request,
    read_request_timeline,
    read_requests,
)
from soc_dashboard.store.rows import RequestRow
from soc_dashboard.window import Window, to_us

COUNT = (
    "select count() from fct_request where ts >= fromUnixTimestamp64Micro({since:Int64})"
    " and ts < fromUnixTimestamp64Micro({until:Int64}) and CONDITION"
)


@pytest.fixture
def day(now: datetime) -> Window:
    return Window(now - timedelta(hours=24), now)


def found(marts: MartDatabase, window: Window, query: str) -> list[RequestRow]:
    return asyncio.run(read_requests(marts, parse(query), window, PageRequest(page_rows=100_000)))


def counted(dsn: str, window: Window, condition: str) -> int:
    question = COUNT.replace("CONDITION", condition)
    span = {"since": window.since_us, "until": window.until_us}
    with clickhouse_connect.get_client(dsn=dsn) as client:
        rows: list[tuple[Any, ...]] = list(client.query(question, parameters=span).result_rows)
    return int(rows[0][0])


@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ("status:404", "status = 404"),
        ("status:4xx", "status between 400 and 499"),
        ("status:>=400", "status >= 400"),
        ("status:300..399", "status between 300 and 399"),
        ("host:shop.test", "host = 'shop.test'"),
        ("host:*shop.test", "endsWith(host, 'shop.test')"),
        ("host:shop.test host:api.shop.test", "host in ('shop.test', 'api.shop.test')"),
        ("-host:shop.test method:POST", "host != 'shop.test' and method = 'POST'"),
        ("ip:203.0.113.0/24", "startsWith(toString(client_ip), '::ffff:203.0.113.')"),
        ("ip:2001:db8:77::/48", "startsWith(toString(client_ip), '2001:db8:77:')"),
        ("-ip:203.0.113.0/24", "not startsWith(toString(client_ip), '::ffff:203.0.113.')"),
        ("ja4:t13d31*", "startsWith(ja4, 't13d31')"),
        ("asn:64500", "startsWith(toString(client_ip), '::ffff:203.0.113.')"),
        ("-country:FR network:hosting", "startsWith(toString(client_ip), '::ffff:203.0.113.')"),
        ("ua:CURL", "positionCaseInsensitive(user_agent, 'curl') > 0"),
        ("wp-login", "path = '/wp-login.php'"),
        ("curl path:/cart", "positionCaseInsensitive(user_agent, 'curl') > 0 and path = '/cart'"),
        ("203.0.113.4", "startsWith(toString(client_ip), '::ffff:203.0.113.4')"),
        ('path:"/search?q=lamp"', "path = '/search?q=lamp'"),
        ("path:/search?q=lamp -status:200", "path = '/search?q=lamp' and status != 200"),
    ],
)
def test_queries_find_what_they_say(
    day_marts: MartDatabase, day_dsn: str, day: Window, query: str, condition: str
) -> None:
    expected = counted(day_dsn, day, condition)
    assert expected > 0
    assert len(found(day_marts, day, query)) == expected
    assert asyncio.run(count_requests(day_marts, parse(query), day)) == expected
    timeline = asyncio.run(read_request_timeline(day_marts, parse(query), day))
    assert sum(bucket.requests for bucket in timeline) == expected


def test_requests_are_found_by_the_verdict_of_their_hour(
    day_marts: MartDatabase, day: Window, mart_tables: ModuleType
) -> None:
    hostile = {hello.ja4 for hello in mart_tables.HELLOS if hello.verdict in ("suspicious", "bad_bot")}
    rows = found(day_marts, day, "verdict:suspicious verdict:bad_bot")
    assert {row.ja4 for row in rows} == hostile
    strange = {row.ja4 for row in found(day_marts, day, "score:>0.99")}
    assert strange == {mart_tables.APACHE_BENCH.ja4}


def test_a_request_is_found_whole_by_its_key(day_marts: MartDatabase, day: Window) -> None:
    row = found(day_marts, day, "ua:curl")[0]
    whole = asyncio.run(maybe_request(day_marts, to_us(row.ts), row.conn_id, row.request_seq_on_conn))
    assert whole is not None
    assert (whole.path, whole.client_ip, whole.verdict) == (row.path, row.client_ip, "suspicious")
    assert asyncio.run(maybe_request(day_marts, to_us(row.ts), row.conn_id, 77)) is None


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("colour:red", "there is no field `colour`"),
        ("status:many", "takes a number"),
        ("verdict:evil", "is one of"),
        ("ip:300.1.1.1", "takes an address"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_words(query: str, words: str) -> None:
    with pytest.raises(SearchError, match=words):
        conditions(parse(query), Grain.REQUEST)


def test_fields_of_single_requests_are_refused_for_entities() -> None:
    with pytest.raises(SearchError, match="cannot be searched here"):
        conditions(parse("path:/x"), Grain.ENTITY)


HOSTILE = ("' or 1=1 --", "%", "_", "\\", "{x:String}", "/* search */", "*", "\u202e", "a" * 400)


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    "field", ["", *(field.name for field in FIELDS if field.request and field.kind in ("text", "phrase"))]
)
def test_values_are_bound_and_never_become_sql(
    day_marts: MartDatabase, day: Window, field: str, value: str
) -> None:
    terms = [Term(field, value, is_quoted=True)]
    assert value not in conditions(terms, Grain.REQUEST).sql or value in ("%", "_", "*", "\\")
    rows = asyncio.run(read_requests(day_marts, terms, day, PageRequest(page_rows=100_000)))
    assert all(
        value.lower() in f"{row.path}{row.host}{row.user_agent}{row.ja4}{row.method}".lower() for row in rows
    )


def test_the_log_is_newest_first_and_pages_do_not_overlap(day_marts: MartDatabase, day: Window) -> None:
    pages = [
        asyncio.run(read_requests(day_marts, [], day, PageRequest(page=page, page_rows=20)))
        for page in (1, 2)
    ]
    times = [row.ts for page in pages for row in page]
    assert times == sorted(times, reverse=True)
    keys = {(row.ts, row.conn_id) for page in pages for row in page}
    assert len(keys) == 40


def test_entities_are_found_by_the_network_of_their_address() -> None:
    found = conditions((Term("asn", "64500"),), Grain.KEY)
    assert "client_ip in (select client_ip from fct_ip_hour" in found.sql
    assert list(found.parameters.values()) == [64500.0]
