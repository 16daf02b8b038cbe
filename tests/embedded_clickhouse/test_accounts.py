"""Restricted users: the engine itself refuses what was not granted, and the gateway what would undo that."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from embedded_clickhouse.accounts import UnusableGrantsError, read_grants

if TYPE_CHECKING:
    from tests.embedded_clickhouse.conftest import HttpGateway

GRANTS = """
-- Reads one table, adds to another.
create user if not exists reader identified with sha256_password by 'change-me; to x';
grant select on shop.open to reader;
grant select(a) on shop.columns to reader;
grant select on shop.view_of_secret to reader;
grant insert on shop.notes to reader;
"""
ACCESS_DENIED = 497


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, run_gateway: Any) -> Iterator[HttpGateway]:
    folder = tmp_path_factory.mktemp("accounts")
    (folder / "grants.sql").write_text(GRANTS)
    (folder / "password").write_text("reader-password\n")
    options = ("--restricted-user", str(folder / "grants.sql"), str(folder / "password"))
    with run_gateway(folder / "data", *options) as started:
        for statement in (
            "create database shop",
            "create table shop.open (a Int8) engine = MergeTree order by a",
            "create table shop.columns (a Int8, b Int8) engine = MergeTree order by a",
            "create table shop.secret (a Int8) engine = MergeTree order by a",
            "create table shop.notes (a Int8) engine = MergeTree order by a",
            "create view shop.view_of_secret as select a from shop.secret",
            "insert into shop.open select 7",
        ):
            assert started.ask(statement).status == 200
        yield started


@pytest.fixture
def reader(gateway: HttpGateway) -> HttpGateway:
    return gateway.as_user("reader", "reader-password")


def code_of(gateway: HttpGateway, statement: str, **fields: str) -> int:
    return int(gateway.ask(statement, **fields).headers.get("X-ClickHouse-Exception-Code", 0))


def test_what_is_granted_can_be_done(gateway: HttpGateway, reader: HttpGateway) -> None:
    assert reader.ask("select a from shop.open").text == "7\n"
    assert reader.ask("select a from shop.columns").status == 200
    assert reader.ask("insert into shop.notes format CSV\n3\n").status == 200
    assert reader.ask("select {n:Int8} from shop.open", param_n="4", max_threads="1").text == "4\n"
    assert gateway.ask("select a from shop.notes").text == "3\n"


@pytest.mark.parametrize(
    "statement",
    [
        "select * from shop.secret",
        "select a from shop.view_of_secret",
        "select b from shop.columns",
        "select * from merge('shop', '.*')",
        "select * from file('/etc/passwd', 'LineAsString')",
        "select * from url('http://127.0.0.1:1/', 'LineAsString', 'x String')",
        "insert into shop.open select 1",
        "insert into shop.open format CSV\n1\n",
        "insert into shop.notes select a from shop.secret",
        "create table shop.mine (a Int8) engine = Memory",
        "alter table shop.notes delete where 1",
        "drop table shop.open",
        "truncate table shop.notes",
        "system flush logs",
        "grant select on shop.secret to reader",
        "create user other",
    ],
)
def test_what_is_not_granted_is_refused(reader: HttpGateway, statement: str) -> None:
    assert code_of(reader, statement) == ACCESS_DENIED


@pytest.mark.parametrize(
    "statement",
    [
        "set role everything",
        "SET /* a comment */ ROLE ALL",
        "set\nrole default",
        "set default role all to default",
        "kill query where 1",
    ],
)
def test_rights_that_were_given_up_stay_given_up(reader: HttpGateway, statement: str) -> None:
    assert code_of(reader, statement) == ACCESS_DENIED
    assert code_of(reader, statement, session_id="mine") == ACCESS_DENIED
    assert code_of(reader, "select * from shop.secret", session_id="mine") == ACCESS_DENIED


def test_a_session_of_another_user_is_not_taken_over(gateway: HttpGateway, reader: HttpGateway) -> None:
    assert gateway.ask("set max_threads = 1", session_id="shared").status == 200
    assert gateway.ask("select count() from shop.secret", session_id="shared").text == "0\n"
    assert code_of(reader, "select count() from shop.secret", session_id="shared") == ACCESS_DENIED


def test_a_session_of_a_restricted_user_keeps_its_settings_and_its_limits(reader: HttpGateway) -> None:
    assert reader.ask("set max_result_rows = 77", session_id="kept").status == 200
    assert reader.ask("select getSetting('max_result_rows')", session_id="kept").text == "77\n"
    assert code_of(reader, "select * from shop.secret", session_id="kept") == ACCESS_DENIED


def test_passwords_are_not_exchangeable(gateway: HttpGateway) -> None:
    assert gateway.as_user("ja4", "reader-password").ask("select 1").status == 403


def test_the_first_user_may_still_do_everything(gateway: HttpGateway) -> None:
    assert gateway.ask("select count() from file('/etc/hostname', 'LineAsString')").status == 200
    assert gateway.ask("select count() from shop.secret").status == 200


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "exactly one user"),
        ("grant select on a.b to x; grant select on a.c to y;", "exactly one user are expected, found: x, y"),
        ("drop table a.b", "only CREATE USER and GRANT"),
        ("grant select on a.b to x with grant option", "only CREATE USER and GRANT"),
        ("grant select on a.b to everything", "cannot be the user's name"),
        ("grant select on a.b to `a b`", "cannot be the user's name"),
        ("grant select on a.b to 'x", "not closed"),
    ],
)
def test_unusable_grants_are_refused_with_the_reason(sql: str, reason: str) -> None:
    with pytest.raises(UnusableGrantsError, match=reason):
        read_grants(sql)


def test_privileges_are_taken_up_to_the_user() -> None:
    grants = read_grants("create user u;\n-- why\ngrant select(a, b) on `x`.`y` /* c */ to u;")
    assert (grants.user, grants.privileges) == ("u", ("grant select(a, b) on `x`.`y`",))
