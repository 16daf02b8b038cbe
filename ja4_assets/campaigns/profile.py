"""What is compared of a suspicious entity: its tool, its network, what it asks for, and its pace."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from ja4_assets.features.frame import KEY_COLUMNS

MAX_ENTITIES = 3_000
"""Entities compared with each other in one run: the distances of 3,000 are 9 M numbers, 36 MB.

Above it, the worst verdicts and the most requests come first; the others can only be counted and given to a
campaign that they resemble."""

MAX_PATHS = 64
"""Path templates kept of an entity, the commonest first: a scanner's wordlist has thousands."""

MAX_PATH_CHARACTERS = 200

Key = tuple[str, str, str]
"""client_ip as the database writes it, ja4_stable, host."""

PACE = ("gap_s", "iat_cv", "burstiness", "mode_share", "reqs_per_conn", "conc_max")
PACE_SPANS = {"gap_s": (-2.0, 3.0), "reqs_per_conn": (0.0, 2.0), "conc_max": (0.0, 1.5)}
"""Powers of ten between which a number is spread to 0 to 1: gaps from 10 ms to a quarter of an hour."""

SUSPICIOUS_ENTITIES = """
select
    toString(verdict.client_ip) as client_ip,
    toString(verdict.ja4_stable) as ja4_stable,
    toString(verdict.host) as host,
    verdict.requests as requests,
    verdict.first_ts as first_ts,
    verdict.last_ts as last_ts,
    toString(verdict.ua_family) as ua_family,
    entity.asn as asn,
    toString(entity.asn_kind) as asn_kind,
    entity.iat_cv as iat_cv,
    entity.burstiness as burstiness,
    entity.mode_share as mode_share,
    entity.reqs_per_conn as reqs_per_conn,
    entity.conc_max as conc_max,
    count() over () as suspicious
from (
    select *
    from fct_entity_verdict
    where hour = {hour:DateTime64(6, 'UTC')} and verdict in ('suspicious', 'bad_bot')
) as verdict
inner join (
    select *
    from fct_entity_hour
    where hour = {hour:DateTime64(6, 'UTC')}
) as entity using (hour, client_ip, ja4_stable, host)
order by
    verdict.verdict = 'bad_bot' desc,
    verdict.requests desc,
    cityHash64(verdict.client_ip, verdict.ja4_stable, verdict.host)
limit {max_entities:UInt32}
"""
"""Grain: entity of one hour. `suspicious` counts them all, those beyond the limit too."""

ENTITY_PATHS = """
with asked as (
    select
        client_ip,
        ja4_stable,
        host,
        replaceRegexpAll(
            replaceRegexpAll(substring(path, 1, {max_characters:UInt32}), '[0-9a-f]{8,}', 'x'), '[0-9]+', '0'
        ) as template
    from fct_request
    where
        ts >= {hour:DateTime64(6, 'UTC')} and ts < {hour:DateTime64(6, 'UTC')} + toIntervalHour(1)
        and (client_ip, ja4_stable, host) in (
            select client_ip, ja4_stable, host
            from fct_entity_verdict
            where hour = {hour:DateTime64(6, 'UTC')} and verdict in ('suspicious', 'bad_bot')
        )
)

select
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    template,
    count() as requests
from asked
group by client_ip, ja4_stable, host, template
order by requests desc, cityHash64(template), template
limit {max_paths:UInt32} by client_ip, ja4_stable, host
"""
"""The commonest path templates of each suspicious entity. Among equals a hash decides, so that two scanners
with one wordlist keep the same part of it."""

HEADER_ORDERS = """
select
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    assumeNotNull(header_order_hash) as header_order
from fct_request
where
    ts >= {hour:DateTime64(6, 'UTC')} and ts < {hour:DateTime64(6, 'UTC')} + toIntervalHour(1)
    and header_order_hash is not null
    and (client_ip, ja4_stable, host) in (
        select client_ip, ja4_stable, host
        from fct_entity_verdict
        where hour = {hour:DateTime64(6, 'UTC')} and verdict in ('suspicious', 'bad_bot')
    )
group by client_ip, ja4_stable, host, header_order
order by count() desc, header_order
limit 1 by client_ip, ja4_stable, host
"""
"""The header order that most requests of each suspicious entity have."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One suspicious entity in one hour."""

    key: Key
    requests: int
    first_ts: datetime
    last_ts: datetime
    ua_family: str
    asn: int
    """0 if unknown."""
    asn_kind: str
    header_order: str | None
    paths: Mapping[str, float]
    """Path template -> share of the requests kept; empty if the requests are gone."""
    pace: tuple[float | None, ...]
    """As PACE, each spread to 0 to 1; None where it could not be observed."""

    @property
    def ja4_stable(self) -> str:
        """'' where there was no readable hello."""
        return self.key[1]

    @property
    def network(self) -> str:
        """The /24 of an IPv4 address, the /64 of an IPv6 address: what one customer has."""
        return network_of(self.key[0])


def network_of(client_ip: str) -> str:
    """Text of the /24 or /64 around an address; raises ValueError if it is none."""
    address = ipaddress.IPv6Address(client_ip)
    mapped = address.ipv4_mapped
    if mapped is not None:
        return str(ipaddress.IPv4Network((mapped, 24), strict=False))
    return str(ipaddress.IPv6Network((address, 64), strict=False))


def profiles_of(entities: pl.DataFrame, paths: pl.DataFrame, header_orders: pl.DataFrame) -> list[Profile]:
    """Profiles sorted by key, from the results of the three queries above."""
    key_columns = KEY_COLUMNS[1:]
    asked: dict[Key, dict[str, int]] = {}
    for client_ip, ja4, host, template, requests in paths.select(
        *key_columns, "template", "requests"
    ).iter_rows():
        asked.setdefault((client_ip, ja4, host), {})[template] = requests
    orders = {
        (client_ip, ja4, host): order
        for client_ip, ja4, host, order in header_orders.select(*key_columns, "header_order").iter_rows()
    }
    made = []
    for row in entities.iter_rows(named=True):
        key: Key = (row["client_ip"], row["ja4_stable"], row["host"])
        counts = asked.get(key, {})
        total = sum(counts.values())
        made.append(
            Profile(
                key=key,
                requests=row["requests"],
                first_ts=row["first_ts"],
                last_ts=row["last_ts"],
                ua_family=row["ua_family"],
                asn=row["asn"],
                asn_kind=row["asn_kind"],
                header_order=orders.get(key),
                paths={template: count / total for template, count in counts.items()},
                pace=pace_of((row["last_ts"] - row["first_ts"]).total_seconds(), row["requests"], row),
            )
        )
    return sorted(made, key=lambda profile: profile.key)


def pace_of(seconds: float, requests: int, observed: Mapping[str, float | None]) -> tuple[float | None, ...]:
    """The numbers of PACE, each spread to 0 to 1; all but the gap are columns of `fct_entity_hour`.

    `seconds` lie between the first and the last of the `requests`.
    """
    gap_s = seconds / (requests - 1) if requests > 1 else None
    return (_spread(PACE[0], gap_s), *(_spread(name, observed[name]) for name in PACE[1:]))


def _spread(name: str, value: float | None) -> float | None:
    if value is None:
        return None
    if name in PACE_SPANS:
        low, high = PACE_SPANS[name]
        return float(np.clip((np.log10(max(value, 1e-6)) - low) / (high - low), 0.0, 1.0))
    if name == "iat_cv":
        return value / (1.0 + value)
    if name == "burstiness":
        return (value + 1.0) / 2.0
    return float(np.clip(value, 0.0, 1.0))
