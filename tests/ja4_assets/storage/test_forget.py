"""Forgetting an address: gone from every table, whoever else is there stays, and the log does not keep it."""

from __future__ import annotations

import ipaddress
import json
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse_connect.driver import Client

from ja4_assets.storage.forget.__main__ import main
from ja4_assets.storage.forget.erase import ForgetRefusedError, forget, key_from, keyed_hash

PERSON = ipaddress.ip_address("192.0.2.17")
NEIGHBOUR = "192.0.2.170"
KEY = b"a key of at least twenty-four characters"
NOW = datetime.now(UTC).replace(microsecond=0)


def insert(client: Client, table: str, **values: object) -> None:
    client.insert(table, [list(values.values())], column_names=list(values))


def places_of(client: Client, text: str) -> list[str]:
    """Tables in any row of which the address stands as a whole, however the column spells it."""
    tables = client.query(
        "select name from system.tables where database = currentDatabase() and engine like '%MergeTree'"
    ).result_columns[0]
    pattern = rf"(^|[^0-9.]){text.replace('.', '[.]')}($|[^0-9.])"
    return [
        table
        for table in tables
        if client.query(
            "select count() from {table:Identifier} where match(toJSONString(tuple(*)), {pattern:String})",
            parameters={"table": table, "pattern": pattern},
        ).first_row[0]
    ]


@pytest.fixture
def filled(migrated: Client) -> Client:
    """A person and a neighbour whose address begins with the person's, everywhere an address can stand."""
    for number, address in enumerate((str(PERSON), NEIGHBOUR)):
        mapped = f"::ffff:{address}"
        label = {"labelled_at": NOW, "label_id": uuid.uuid4(), "user": "ada", "label": "bad_bot"}
        entity = {"hour": NOW, "client_ip": mapped, "ja4_stable": "t13a", "host": "shop.test"}
        insert(
            migrated, "raw_http_requests", ts=NOW, client_ip=mapped, peer_ip=mapped, path="/", conn_id=number
        )
        insert(
            migrated,
            "raw_tls_hellos",
            ts=NOW - timedelta(hours=number),
            src_ip=mapped,
            ja4="a",
            ja4_stable="t13a",
        )
        insert(migrated, "bot_scores", **entity, model_name="forest", model_version="1", scored_at=NOW)
        insert(
            migrated,
            "verdicts",
            **entity,
            decided_at=NOW,
            verdict="bad_bot",
            source="rule",
            source_id="R1",
            reason=f"{address} asked for secrets",
        )
        insert(migrated, "campaign_members", **entity, campaign_id="C1", computed_at=NOW)
        signature = json.dumps({"addresses": {mapped: 1.0}})
        insert(
            migrated, "campaigns", hour=NOW, campaign_id=f"C{number}", signature=signature, computed_at=NOW
        )
        insert(migrated, "analyst_labels", **label, scope="client_ip", client_ip=mapped)
        insert(
            migrated,
            "audit_log",
            at=NOW,
            user="ada",
            action="label",
            target=f"client {address}",
            details=json.dumps({"ip": address, "mapped": mapped}),
        )
    note = f"as {PERSON}, and {NEIGHBOUR}."
    insert(migrated, "analyst_labels", **label, scope="ja4_stable", ja4="t13a", note=note)
    proxied = {"client_ip": f"::ffff:{NEIGHBOUR}", "peer_ip": "::ffff:203.0.113.1"}
    insert(migrated, "raw_http_requests", ts=NOW, **proxied, xff=[str(PERSON), NEIGHBOUR], path="/forwarded")
    return migrated


def test_address_is_gone_from_every_table_and_the_neighbours_stays(filled: Client) -> None:
    assert {"raw_http_requests", "verdicts", "audit_log", "agg_first_seen"} <= set(
        places_of(filled, str(PERSON))
    )
    neighbours = places_of(filled, NEIGHBOUR)
    done = forget(filled, PERSON, KEY, "operator")
    assert places_of(filled, str(PERSON)) == []
    assert places_of(filled, NEIGHBOUR) == neighbours
    assert done.rows["raw_http_requests"] == 2, "its own, and the one that it was forwarded through"
    assert filled.query("select path from raw_http_requests").result_rows == [("/",)]
    assert filled.query(
        "select finalizeAggregation(first_client_ip) from agg_ja4_seen final"
    ).result_rows == [(ipaddress.ip_address(f"::ffff:{NEIGHBOUR}"),)]
    notes = filled.query("select note from analyst_labels where note != ''").result_rows
    assert notes == [(f"as {done.target}, and {NEIGHBOUR}.",)]


def test_log_tells_that_it_was_done_without_the_address_and_a_repetition_finds_nothing(
    filled: Client,
) -> None:
    first = forget(filled, PERSON, KEY, "operator")
    second = forget(filled, PERSON, KEY, "operator")
    assert second.rows == {}
    assert "nothing was stored" in str(second)
    logged = filled.query(
        "select user, target, details from audit_log where action = 'forget' order by at"
    ).result_rows
    assert [(user, target) for user, target, _ in logged] == [("operator", first.target)] * 2
    assert [json.loads(details) for _, _, details in logged] == [first.rows, {}]
    about = filled.query(
        "select target from audit_log where action = 'label' and target not like '%.%'"
    ).result_rows
    assert about == [(f"client {first.target}",)], "that two entries were about one subject can still be told"


def test_address_of_a_proxy_is_refused(filled: Client) -> None:
    with pytest.raises(ForgetRefusedError, match="1 other client addresses came through"):
        forget(filled, ipaddress.ip_address("203.0.113.1"), KEY, "operator")


def test_hash_needs_the_key_and_is_one_for_both_spellings_of_an_address() -> None:
    assert keyed_hash(PERSON, KEY) != keyed_hash(PERSON, b"another key of at least that many characters")
    assert keyed_hash(PERSON, KEY) == keyed_hash(ipaddress.ip_address("::ffff:192.0.2.17"), KEY)


def test_key_is_made_once_for_its_owner_only_and_a_short_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "forget_key"
    assert key_from(path) == key_from(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("short")
    with pytest.raises(ForgetRefusedError, match="too short"):
        key_from(path)


def test_command_says_what_it_removed(
    filled: Client,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JA4_CLICKHOUSE_URL", database_url)
    assert main([str(PERSON), "--key-file", str(tmp_path / "key")]) == 0
    said = capsys.readouterr().out
    assert "raw_tls_hellos" in said
    assert str(PERSON) not in said
