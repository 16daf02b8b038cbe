"""ClickHouse as a Dagster resource: frames in, frames out, one token per insert."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from ipaddress import IPv6Address, ip_address
from typing import Any

import clickhouse_connect
import dagster as dg
import polars as pl
from clickhouse_connect.driver.client import Client

from ja4_assets.features.frame import arrow_to_frame

CONNECT_TIMEOUT_S = 10
QUERY_TIMEOUT_S = 300


class ClickHouseResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The platform's database; unmodified HTTP, so the embedded engine and a server are the same."""

    url: str

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client that is closed afterwards; without a session, so that it may be used in parallel."""
        client = clickhouse_connect.get_client(
            dsn=self.url,
            autogenerate_session_id=False,
            connect_timeout=CONNECT_TIMEOUT_S,
            send_receive_timeout=QUERY_TIMEOUT_S,
        )
        try:
            yield client
        finally:
            client.close()

    def read(self, query: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Rows of a query as a frame; text as String, times as Datetime('us', 'UTC')."""
        with self.client() as client:
            return arrow_to_frame(client.query_arrow(query, parameters=dict(parameters or {})))

    def command(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that returns no rows."""
        with self.client() as client:
            client.command(statement, parameters=dict(parameters or {}))

    def insert(self, table: str, frame: pl.DataFrame) -> int:
        """Append the frame's columns, by name, as one insert; returns its rows.

        The insert carries a token made of its content: if the acknowledgement is lost and the same
        frame is sent again, the table takes it once.
        """
        if frame.is_empty():
            return 0
        frame = with_packed_addresses(frame)
        arrow = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        content = BytesIO()
        frame.write_ipc(content)
        token = hashlib.sha256(content.getbuffer()).hexdigest()
        with self.client() as client:
            client.insert_arrow(table, arrow, settings={"insert_deduplication_token": token})
        return frame.height


def with_packed_addresses(frame: pl.DataFrame) -> pl.DataFrame:
    """Text in columns named `…_ip` as the 16 bytes of an IPv6 column. ValueError for what is no address.

    ClickHouse takes an Arrow column of text for packed addresses when every value happens to be 16 bytes
    long, as `::ffff:192.0.2.1` is: a batch of such clients alone would be stored under other addresses."""
    for name, kind in frame.schema.items():
        if name.endswith("_ip") and kind == pl.String:
            packed = {text: _packed(text) for text in frame[name].unique().drop_nulls()}
            frame = frame.with_columns(
                pl.col(name).replace_strict(packed, default=None, return_dtype=pl.Binary)
            )
    return frame


def _packed(text: str) -> bytes:
    address = ip_address(text)
    return (IPv6Address(f"::ffff:{address}") if address.version == 4 else address).packed
