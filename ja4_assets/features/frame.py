"""The polars frame of entity hours: read from the mart, checked, hashed, and handed to the model."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Protocol

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from ja4_assets.features.catalogue import FEATURE_NAMES

MART = "fct_entity_hour"

KEY_COLUMNS = ("hour", "client_ip", "ja4_stable", "host")

ENTITY_HOUR_SCHEMA: dict[str, pl.DataType] = {
    "hour": pl.Datetime("us", "UTC"),
    "client_ip": pl.String(),
    "ja4_stable": pl.String(),
    "host": pl.String(),
    **{name: pl.Float64() for name in FEATURE_NAMES},
}
"""Columns and dtypes of a frame of entity hours; grain (hour, client_ip, ja4_stable, host).

`client_ip` is the database's text of an IPv6 column, `::ffff:` prefix included.
"""

IN_SAMPLE = """cityHash64(entity.hour, entity.client_ip, entity.ja4_stable, entity.host) <= (
        select max(key_hash)
        from (
            select cityHash64(hour, client_ip, ja4_stable, host) as key_hash
            from fct_entity_hour
            where
                is_sufficient
                and hour >= {start:DateTime64(6, 'UTC')}
                and hour < {end:DateTime64(6, 'UTC')}
            order by key_hash
            limit {max_rows:UInt64}
        )
    )
"""
"""Condition on a row of the mart, called `entity`: the hash of its key is among the window's `max_rows`
smallest. That is the same pseudo-random sample each time, which favours no hour and no address; and only the
hashes are sorted, because sorting whole rows of a week takes gigabytes."""

SUFFICIENT_ENTITY_HOURS = (
    """
select
    toDateTime64(entity.hour, 6, 'UTC') as hour,
    toString(entity.client_ip) as client_ip,
    toString(entity.ja4_stable) as ja4_stable,
    toString(entity.host) as host,
    entity.ja4_reqs_rank as ja4_reqs_rank,
    entity.ja4_reqs_quantile as ja4_reqs_quantile,
    entity.ja4_ips_rank as ja4_ips_rank,
    entity.ja4_ips_quantile as ja4_ips_quantile,
    entity.ja4_uas_rank as ja4_uas_rank,
    entity.ja4_paths_rank as ja4_paths_rank,
    entity.ja4_browser_ratio as ja4_browser_ratio,
    entity.ja4_h2h3_ratio as ja4_h2h3_ratio,
    entity.ja4_heuristic_ratio as ja4_heuristic_ratio,
    entity.ja4_cache_ratio as ja4_cache_ratio,
    entity.ja4_surge as ja4_surge,
    entity.ua_ja4_bits as ua_ja4_bits,
    entity.ua_ja4_known_mismatch as ua_ja4_known_mismatch,
    entity.alpn_proto_gap as alpn_proto_gap,
    entity.tls_floor_gap as tls_floor_gap,
    entity.grease_missing as grease_missing,
    entity.pq_missing as pq_missing,
    entity.h2fp_ua_bits as h2fp_ua_bits,
    entity.sni_host_mismatch as sni_host_mismatch,
    entity.ja4_per_ip as ja4_per_ip,
    entity.ja4_exact_per_stable as ja4_exact_per_stable,
    entity.resumption_ratio as resumption_ratio,
    entity.hdr_order_bits as hdr_order_bits,
    entity.hdr_orders as hdr_orders,
    entity.hdr_required_missing as hdr_required_missing,
    entity.hdr_case_odd as hdr_case_odd,
    entity.secfetch_missing as secfetch_missing,
    entity.secfetch_incoherent as secfetch_incoherent,
    entity.ch_ua_mismatch as ch_ua_mismatch,
    entity.ch_platform_mismatch as ch_platform_mismatch,
    entity.cookie_return as cookie_return,
    entity.referer_valid as referer_valid,
    entity.conditional_ratio as conditional_ratio,
    entity.ua_per_ja4ip as ua_per_ja4ip,
    entity.iat_cv as iat_cv,
    entity.burstiness as burstiness,
    entity.beacon_ts as beacon_ts,
    entity.beacon_size as beacon_size,
    entity.lag1 as lag1,
    entity.mode_share as mode_share,
    entity.conc_max as conc_max,
    entity.reqs_per_conn as reqs_per_conn,
    entity.beacon_hist as beacon_hist,
    entity.beacon_dur as beacon_dur,
    entity.path_entropy as path_entropy,
    entity.uniq_path_ratio as uniq_path_ratio,
    entity.enum_score as enum_score,
    entity.asset_ratio as asset_ratio,
    entity.asset_complete as asset_complete,
    entity.err4xx_ratio as err4xx_ratio,
    entity.err5xx_ratio as err5xx_ratio,
    entity.sensitive_hits as sensitive_hits,
    entity.robots_fetched as robots_fetched
from fct_entity_hour as entity
where
    entity.is_sufficient
    and entity.hour >= {start:DateTime64(6, 'UTC')}
    and entity.hour < {end:DateTime64(6, 'UTC')}
    and """
    + IN_SAMPLE
)
"""Entity hours with enough requests to judge, in no order."""


class SchemaMismatchError(ValueError):
    """The mart's columns are not those that the model was written for."""


class ArrowReader(Protocol):
    """The one method of a clickhouse-connect client that reading a frame needs."""

    def query_arrow(self, query: str, parameters: dict[str, object]) -> pa.Table:
        """Run a query and return its result as an Arrow table."""
        ...


def read_sufficient_entity_hours(
    client: ArrowReader, start: datetime, end: datetime, max_rows: int
) -> pl.DataFrame:
    """Entity hours with `start <= hour < end` and enough requests, sorted by key.

    At most `max_rows`, sampled by a hash of the key (`IN_SAMPLE`). Raises SchemaMismatchError.
    """
    table = client.query_arrow(
        SUFFICIENT_ENTITY_HOURS, parameters={"start": start, "end": end, "max_rows": max_rows}
    )
    return check_entity_hours(arrow_to_frame(table)).sort(KEY_COLUMNS)


def arrow_to_frame(table: pa.Table) -> pl.DataFrame:
    """A polars frame of an Arrow table, dictionary text made String, times made Datetime("us")."""
    frame = pl.from_arrow(table)
    if not isinstance(frame, pl.DataFrame):
        raise TypeError(f"expected a table, got {type(frame).__name__}")
    return frame.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String),
        pl.col(pl.Datetime).dt.cast_time_unit("us"),
    )


def check_entity_hours(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame itself if it has exactly the columns and dtypes of `ENTITY_HOUR_SCHEMA`.

    Raises SchemaMismatchError naming each wrong, missing or unexpected column, or a repeated key.
    """
    found = dict(frame.schema)
    faults = [
        f"{name} is {found.get(name, 'missing')}, expected {dtype}"
        for name, dtype in ENTITY_HOUR_SCHEMA.items()
        if found.get(name) != dtype
    ]
    faults += [f"{name} is unexpected" for name in found if name not in ENTITY_HOUR_SCHEMA]
    if not faults and frame.select(KEY_COLUMNS).is_duplicated().any():
        faults.append(f"{', '.join(KEY_COLUMNS)} is not unique")
    if faults:
        raise SchemaMismatchError(f"{MART}: " + "; ".join(faults))
    return frame.select(ENTITY_HOUR_SCHEMA.keys())


def feature_matrix(frame: pl.DataFrame) -> pd.DataFrame:
    """The model's input: one float64 column per feature in catalogue order, NaN where unobserved."""
    columns = {name: frame[name].cast(pl.Float64).to_numpy() for name in FEATURE_NAMES}
    return pd.DataFrame(columns, dtype=np.float64)


def data_version(frame: pl.DataFrame) -> str:
    """16 hex digits that name the content of a frame of entity hours, whatever its row order.

    SHA-256 over the keys and the features' IEEE 754 bytes, every NaN written alike, so that it does
    not depend on the version of polars or Arrow.
    """
    ordered = frame.sort(KEY_COLUMNS)
    digest = hashlib.sha256()
    for name in FEATURE_NAMES:
        values = ordered[name].cast(pl.Float64).to_numpy().astype("<f8")
        digest.update(name.encode() + b"\0" + np.where(np.isnan(values), np.nan, values).tobytes())
    keys = ordered.select(
        pl.col("hour").dt.epoch("us").cast(pl.String), *[pl.col(name) for name in KEY_COLUMNS[1:]]
    )
    for row in keys.iter_rows():
        digest.update("\0".join(row).encode() + b"\n")
    return digest.hexdigest()[:16]
