"""The raw tables beside the agent's structs: same columns, and JSON lines that arrive where they belong."""

from __future__ import annotations

import enum
import types
import typing

import msgspec
import pytest
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from capture_agent.events import AgentTick, HttpRequest, TlsHello

STRUCTS = {"raw_tls_hellos": TlsHello, "raw_http_requests": HttpRequest, "raw_agent_ticks": AgentTick}
INTEGER_TYPES = {f"{sign}Int{bits}" for sign in ("U", "") for bits in (8, 16, 32, 64)}


def columns(client: Client, table: str) -> dict[str, str]:
    rows = client.query(
        "select name, type from system.columns where database = currentDatabase() and table = {table:String}"
        " order by position",
        parameters={"table": table},
    ).result_rows
    return dict(rows)


def is_type_for(annotation: object, name: str, clickhouse_type: str) -> bool:
    """Whether a column type holds every value of a struct field, and is nullable when the field is."""
    members = set(typing.get_args(annotation)) if isinstance(annotation, types.UnionType) else {annotation}
    is_optional = types.NoneType in members
    (kind,) = members - {types.NoneType}
    if typing.get_origin(kind) is tuple:
        return clickhouse_type == "Array(LowCardinality(String))"
    if name == "ts":
        return clickhouse_type == "DateTime64(6, 'UTC')"
    bare, is_nullable = unwrap(clickhouse_type)
    if is_optional != is_nullable:
        return False
    if name.endswith("_ip") and kind is str:
        return bare == "IPv6"
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return bare == enum_type(kind)
    scalars = {str: {"String"}, bytes: {"String"}, bool: {"Bool"}, float: {"Float32"}, int: INTEGER_TYPES}
    return bare in scalars[typing.cast(type, kind)]


def unwrap(clickhouse_type: str) -> tuple[str, bool]:
    """The type inside LowCardinality and Nullable, and whether it was nullable."""
    is_nullable = False
    for wrapper in ("LowCardinality(", "Nullable("):
        if clickhouse_type.startswith(wrapper):
            clickhouse_type = clickhouse_type.removeprefix(wrapper).removesuffix(")")
            is_nullable |= wrapper == "Nullable("
    return clickhouse_type, is_nullable


def enum_type(members: type[enum.Enum]) -> str:
    """How ClickHouse prints an Enum8 of these values, numbered from 1."""
    named = ", ".join(f"'{member.value}' = {number}" for number, member in enumerate(members, 1))
    return f"Enum8({named})"


@pytest.mark.parametrize("table", STRUCTS)
def test_raw_columns_are_the_struct_fields_in_their_order_and_types(migrated: Client, table: str) -> None:
    fields = typing.get_type_hints(STRUCTS[table])
    found = columns(migrated, table)
    assert list(found) == list(STRUCTS[table].__struct_fields__)
    wrong = {
        name: (str(annotation), found[name])
        for name, annotation in fields.items()
        if not is_type_for(annotation, name, found[name])
    }
    assert wrong == {}


HELLO = {
    "sensor": "web1",
    "ts": "2026-11-22T14:20:32.123456Z",
    "conn_id": 2**64 - 1,
    "transport": "tcp",
    "src_ip": "198.51.100.7",
    "src_port": 40000,
    "dst_ip": "2001:db8::1",
    "dst_port": 443,
    "sni": "shop.test",
    "sni_present": True,
    "alpn": ["h2", "http/1.1"],
    "ja4": "t13d1517h2_8daaf6152771_cb7bf5808d99",
    "fingerprint_spec": 1,
    "quality": "reassembled",
    "hello_skeleton": "AQAB/A==",
    "tcp_ttl": None,
    "tcp_window": 64240,
}


def insert_lines(client: Client, table: str, *rows: dict[str, object], token: str | None = None) -> None:
    client.raw_insert(
        table,
        insert_block=b"\n".join(msgspec.json.encode(row) for row in rows),
        fmt="JSONEachRow",
        settings={"date_time_input_format": "best_effort"}
        | ({"insert_deduplication_token": token} if token else {}),
    )


def test_json_lines_are_stored_by_name_whatever_their_order(migrated: Client) -> None:
    backwards = dict(reversed(HELLO.items()))
    insert_lines(migrated, "raw_tls_hellos", backwards)
    read = migrated.query(
        "select sensor, toString(ts), conn_id, toString(transport), src_port, dst_port, sni, alpn,"
        " toString(src_ip), toString(dst_ip), tcp_ttl, tcp_window, hex(base64Decode(hello_skeleton))"
        " from raw_tls_hellos"
    ).result_rows
    assert read == [
        (
            "web1",
            "2026-11-22 14:20:32.123456",
            2**64 - 1,
            "tcp",
            40000,
            443,
            "shop.test",
            ["h2", "http/1.1"],
            "::ffff:198.51.100.7",
            "2001:db8::1",
            None,
            64240,
            "010001FC",
        )
    ]


def test_replay_of_the_same_rows_adds_nothing_that_a_final_read_shows(migrated: Client) -> None:
    insert_lines(migrated, "raw_tls_hellos", HELLO)
    insert_lines(migrated, "raw_tls_hellos", HELLO)
    assert migrated.query("select count() from raw_tls_hellos final").first_row == (1,)


def test_newer_fingerprint_rules_win_whatever_the_order_of_insertion(migrated: Client) -> None:
    insert_lines(migrated, "raw_tls_hellos", HELLO | {"fingerprint_spec": 2, "ja4": "newer"})
    insert_lines(migrated, "raw_tls_hellos", HELLO)
    assert migrated.query("select ja4 from raw_tls_hellos final").result_rows == [("newer",)]


def test_batch_sent_again_with_its_token_is_stored_once(migrated: Client) -> None:
    insert_lines(migrated, "raw_tls_hellos", HELLO, token="batch-1")
    insert_lines(migrated, "raw_tls_hellos", HELLO | {"ts": "2026-11-22T14:20:33Z"}, token="batch-1")
    insert_lines(migrated, "raw_tls_hellos", HELLO | {"ts": "2026-11-22T14:20:34Z"}, token="batch-2")
    assert migrated.query("select count() from raw_tls_hellos").first_row == (2,)


def test_value_that_no_enum_names_is_refused(migrated: Client) -> None:
    with pytest.raises(DatabaseError, match="carrier"):
        insert_lines(migrated, "raw_tls_hellos", HELLO | {"transport": "carrier pigeon"})
