"""Addresses arrive in the database as the ones they are, whatever the length of their text."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from ja4_assets.resources.clickhouse import ClickHouseResource

STORED = "select toString(client_ip) as client_ip from bot_identities order by claimed"


@pytest.mark.parametrize(
    "addresses",
    [
        # 16 bytes of text each: the length of a packed IPv6 address.
        ["::ffff:192.0.2.1", "::ffff:10.0.0.12", "2001:db8::1:2:34"],
        ["::ffff:192.0.2.1", "::ffff:198.51.100.17", "2001:db8::1"],
        ["192.0.2.1", "8.8.4.4"],
    ],
)
def test_an_address_is_stored_as_the_one_it_is(database: ClickHouseResource, addresses: list[str]) -> None:
    rows = [
        {
            "checked_at": datetime(2026, 11, 22, tzinfo=UTC),
            "client_ip": address,
            "claimed": str(number),
            "operator": "",
            "method": "none",
            "state": "unknown",
            "detail": "",
        }
        for number, address in enumerate(addresses)
    ]
    assert database.insert("bot_identities", pl.DataFrame(rows)) == len(rows)
    expected = [text if ":" in text else f"::ffff:{text}" for text in addresses]
    assert database.read(STORED)["client_ip"].to_list() == expected


def test_what_is_no_address_is_refused(database: ClickHouseResource) -> None:
    with pytest.raises(ValueError, match="hostile"):
        database.insert("bot_identities", pl.DataFrame({"client_ip": ["hostile"]}))
