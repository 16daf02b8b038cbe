"""A statistical twin of recorded traffic, in any number of rows, made inside ClickHouse.

The recording is replayed once through the agent into a database of its own; from its rows come tables of
values: which clients there are, how often each connects, its hellos, its requests in their order and with
their gaps. The twin draws from these tables with hashes of a seed and of the connection's number, so the
same seed gives the same rows, hour by hour and in any order of hours.

What follows the recording: header sets, user agents, paths, statuses, sizes, gaps, TCP and TLS facts, and
how all these go together in one client. What is set here: five requests a connection, clients and sites and
page numbers by Zipf's law, traffic by the hour of the day, addresses within the recorded clients' networks.
What is drawn afresh, because it cannot repeat: connection ids, ports, IP ids, times, and the order of
extensions where the browser permutes it, with every fingerprint computed by the agent's own code.
"""

from __future__ import annotations

import math
import random
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from clickhouse_connect.driver.client import Client
from msgspec.structs import asdict

from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import refingerprint
from capture_agent.wire.registry import GREASE

REQUESTS_PER_CONNECTION = 5
REQUESTS_PER_HOUR = 300_000
"""Mean over a day; 100 million rows are then just under the 15 days that raw rows are kept."""
CLIENTS = 20_000
"""Of an hour. Zipf's law with exponent 1: the busiest sends one request in fourteen."""
LASTING_CLIENTS = 1_000
"""The busiest are there in every hour; of the others every hour has its own, as people come for a visit."""
SITES = 200
PAGES = 50_000
"""Numbers that a page with a number in its path may have."""
SWING = 0.6
"""The busiest hour (19:00 UTC) has 1 + SWING of the mean."""
ORDERS_PER_HELLO = 10
"""Further orders of extensions for each recorded hello of a client that permutes them."""
PRE_SHARED_KEY = 0x0029

UNIFORM = """
create or replace function twin_uniform as (number, salt)
    -> (bitShiftRight(sipHash64(number, salt), 11) + 1) / 9007199254740993
"""
ZIPF = """
create or replace function twin_zipf as (number, salt, most)
    -> toUInt64(exp(twin_uniform(number, salt) * log(most)))
"""
"""Zipf's law with exponent 1 over 1 to `most`: the logarithm of the rank is uniform."""

VALUE_TABLES = (
    """
create or replace table twin_hello engine = MergeTree order by (identity, place) as
select
    hello.*,
    toUInt32(dense_rank() over (order by src_ip) - 1) as identity,
    toUInt32(row_number() over (partition by src_ip order by ts, conn_id) - 1) as place,
    uniqExact(ja3_hash) over (partition by ja4_stable) > 1 as is_permuted
from raw_tls_hellos as hello final
where
    not is_second_hello and ja4 is not null
    and conn_id in (select conn_id from raw_http_requests final where join_state = 'matched')
""",
    """
create or replace table twin_request engine = MergeTree order by (identity, place) as
with
    ordered as (
        select
            request.*,
            identities.identity as identity,
            row_number() over (partition by client_ip order by ts, request_seq_on_conn) - 1 as first_place,
            count() over (partition by client_ip) as requests,
            least(
                ts - lagInFrame(ts, 1, ts) over (
                    partition by client_ip order by ts, request_seq_on_conn
                    rows between 1 preceding and current row
                ),
                20
            ) as gap_s
        from raw_http_requests as request final
        inner join (select distinct src_ip, identity from twin_hello) as identities
            on request.client_ip = identities.src_ip
        where join_state = 'matched'
    ),

    -- The last connection of a client begins again at its first request.
    filled as (
        select
            * except (first_place, requests),
            toUInt32(arrayJoin(arrayMap(
                round -> first_place + round * requests,
                range(toUInt64(ceil(
                    (ceil(requests / {per_connection:UInt8}) * {per_connection:UInt8} - first_place)
                    / requests
                )))
            ))) as place
        from ordered
    )

select
    * except (gap_s),
    toInt64(1e6 * sum(if(place % {per_connection:UInt8} = 0, 0, gap_s)) over (
        partition by identity, intDiv(place, {per_connection:UInt8}) order by place
    )) as offset_us,
    extract(path, '^(.*/)[0-9]+(?:[./].*)?$') as path_before,
    extract(path, '^.*/[0-9]+([./].*)?$') as path_behind
from filled
order by identity, place
""",
    """
create or replace table twin_identity engine = MergeTree order by pick as
with
    connections as (
        select
            identity,
            any(src_ip) as address,
            count() as hellos
        from twin_hello
        group by identity
    ),

    requests as (
        select
            identity,
            intDiv(count(), {per_connection:UInt8}) as visits
        from twin_request
        group by identity
    ),

    sizes as (
        select
            identity,
            toUInt32(toIPv4OrDefault(replaceOne(toString(address), '::ffff:', ''))) as network,
            hellos,
            requests.visits as visits
        from connections
        inner join requests on connections.identity = requests.identity
    )

select
    toUInt32(rowNumberInAllBlocks()) as pick,
    identity,
    network,
    hellos,
    visits
from (
    select * from sizes
    array join range(toUInt64(hellos)) as again
    order by identity, again
)
""",
)
"""Made once from the recording's rows. `twin_identity` has a row for each recorded connection, so that a
client drawn from it is one of the recorded clients as often as that one connected."""

CONNECTIONS = """
create or replace table twin_connections engine = Memory as
with
    drawn as (
        select
            number,
            twin_zipf(number, 'client' || {seed:String}, {clients:Float64}) as rank,
            if(
                rank <= {lasting:UInt64}, rank, sipHash64(rank, {hour:DateTime64(6, 'UTC')}, {seed:String})
            ) as client,
            toUInt32(sipHash64(client, 'pick') % (select count() from twin_identity)) as pick,
            -- Most clients keep to one site.
            toUInt16(
                twin_zipf(if(number % 10 = 0, number, client), 'site', {sites:Float64}) - 1
            ) as site_number
        from numbers({first:UInt64}, {connections:UInt64})
    ),

    placed as (
        select
            drawn.*,
            twin_identity.identity as identity,
            toUInt32(sipHash64(number, 'hello') % twin_identity.hellos) as place,
            toUInt32(sipHash64(number, 'visit') % twin_identity.visits) as visit,
            toIPv6(concat('::ffff:', IPv4NumToString(toUInt32(
                bitOr(bitAnd(twin_identity.network, 0xffff0000), bitAnd(sipHash64(client, 'host'), 0xffff))
            )))) as address
        from drawn
        inner join twin_identity on drawn.pick = twin_identity.pick
    )

select
    hello.* except (identity, place, is_permuted) replace (
        concat('web', toString(sipHash64(placed.number, 'sensor') % 4)) as sensor,
        {hour:DateTime64(6, 'UTC')}
        + toIntervalMicrosecond(toInt64(3.6e9 * twin_uniform(placed.number, 'ts'))) as ts,
        sipHash64(placed.number, 'connection', {seed:String}) as conn_id,
        placed.address as src_ip,
        toUInt16(32768 + sipHash64(placed.number, 'port') % 28000) as src_port,
        if(isNull(hello.ip_id), null, toUInt16(bitAnd(sipHash64(placed.number, 'ip'), 0xffff))) as ip_id,
        toUInt32(hello.syn_ack_rtt_us * (0.8 + 0.4 * twin_uniform(placed.number, 'rtt'))) as syn_ack_rtt_us,
        toUInt32(hello.syn_to_hello_us * (0.8 + 0.4 * twin_uniform(placed.number, 'syn'))) as syn_to_hello_us
    ),
    placed.number as number,
    placed.identity as identity,
    placed.visit as visit,
    placed.site_number as site_number
from placed
inner join twin_hello as hello on placed.identity = hello.identity and placed.place = hello.place
"""

HELLOS = """
insert into raw_tls_hellos
select * except (number, identity, visit, site_number)
from twin_connections
"""

REQUESTS = """
insert into raw_http_requests
with
    asked as (
        select
            *,
            toUInt32(arrayJoin(range({per_connection:UInt32}))) as turn,
            visit * {per_connection:UInt32} + turn as place
        from twin_connections
    )

select
    request.* except (identity, place, offset_us, path_before, path_behind) replace (
        asked.sensor as sensor,
        asked.ts + toIntervalMicrosecond(
            greatest(0, ifNull(request.hello_to_request_us, 2000)) + request.offset_us
            + toInt64(5000 * twin_uniform(asked.number, asked.turn))
        ) as ts,
        asked.conn_id as conn_id,
        asked.src_ip as peer_ip,
        asked.src_port as src_port,
        asked.src_ip as client_ip,
        if(
            asked.site_number = 0, request.host, concat('s', toString(asked.site_number), '.', request.host)
        ) as host,
        if(
            request.path_before = '',
            request.path,
            concat(
                request.path_before,
                toString(twin_zipf(asked.number * 8 + asked.turn, 'page', {pages:Float64})),
                request.path_behind
            )
        ) as path,
        if(
            asked.site_number = 0,
            request.referer,
            replaceOne(request.referer, '://', concat('://s', toString(asked.site_number), '.'))
        ) as referer,
        toUInt64(request.response_bytes + if(request.status = 200 and request.sec_fetch_dest is null,
            sipHash64(asked.number, asked.turn, 'bytes') % 256, 0)) as response_bytes,
        toUInt64(request.duration_us * (0.5 + twin_uniform(asked.number, asked.turn + 16))) as duration_us,
        asked.turn + 1 as request_seq_on_conn,
        toInt64(
            asked.turn * 1000000
            + request.hello_to_request_us * (0.8 + 0.4 * twin_uniform(asked.number, 'wait'))
        ) as hello_to_request_us,
        asked.ja4 as ja4,
        asked.ja4_stable as ja4_stable,
        asked.ja3_hash as ja3_hash,
        asked.tls_version as tls_version,
        asked.alpn as alpn,
        asked.quality as quality,
        asked.has_grease as has_grease,
        asked.has_ech as has_ech,
        asked.has_psk as has_psk,
        asked.has_pq_group as has_pq_group,
        asked.tcp_signature as tcp_signature,
        asked.tcp_ttl as tcp_ttl,
        asked.tcp_mss as tcp_mss
    )
from asked
inner join twin_request as request on asked.identity = request.identity and asked.place = request.place
"""

HELLO_FACTS = ("ja4", "ja4_r", "ja4_o", "ja4_stable", "ja3", "ja3_hash", "ja3n_hash")


@dataclass(frozen=True, slots=True)
class TwinHour:
    """One hour of the twin."""

    start: datetime
    connections: int
    first: int
    """Number of its first connection; every hour has numbers of its own, whichever hours are made."""


def twin_hours(end: datetime, requests: int) -> list[TwinHour]:
    """The hours before `end` that together have `requests`, newest first; the oldest may be cut."""
    hours: list[TwinHour] = []
    left = requests
    while left > 0:
        start = end - timedelta(hours=len(hours) + 1)
        swing = 1 + SWING * math.cos(2 * math.pi * (start.hour - 19) / 24)
        wanted = min(left, round(REQUESTS_PER_HOUR * swing))
        number = int(start.timestamp()) // 3600
        hours.append(TwinHour(start, max(1, wanted // REQUESTS_PER_CONNECTION), number * 1_000_000))
        left -= max(wanted, REQUESTS_PER_CONNECTION)
    return hours


def make_values(client: Client, seed: int) -> None:
    """Make the tables of values from the rows of a recording in the client's database."""
    for statement in (UNIFORM, ZIPF):
        client.command(statement)
    hellos, requests, identities = VALUE_TABLES
    client.command(hellos)
    _add_orders(client, random.Random(seed))
    client.command(requests, parameters={"per_connection": REQUESTS_PER_CONNECTION})
    client.command(identities, parameters={"per_connection": REQUESTS_PER_CONNECTION})


def make_hour(client: Client, hour: TwinHour, seed: int) -> None:
    """Insert the hellos and requests of one hour into the raw tables."""
    parameters: dict[str, Any] = {
        "seed": str(seed),
        "clients": CLIENTS,
        "lasting": LASTING_CLIENTS,
        "sites": SITES,
        "first": hour.first,
        "connections": hour.connections,
        "hour": hour.start,
    }
    client.command(CONNECTIONS, parameters=parameters)
    client.command(HELLOS)
    client.command(REQUESTS, parameters={"per_connection": REQUESTS_PER_CONNECTION, "pages": PAGES})


def _add_orders(client: Client, rng: random.Random) -> None:
    """Further hellos for the clients that permute their extensions, with what the agent makes of each."""
    found = client.query("select * from twin_hello where is_permuted and transport = 'tcp'")
    counts = dict(client.query("select identity, count() from twin_hello group by identity").result_rows)
    rows = []
    for row in found.named_results():
        for _ in range(ORDERS_PER_HELLO):
            skeleton = permuted(b64decode(row["hello_skeleton"]), rng)
            facts = asdict(refingerprint(skeleton, Transport.TCP, is_sslv2_framed=False))
            changed = {name: facts[name] for name in HELLO_FACTS}
            place = counts[row["identity"]]
            counts[row["identity"]] = place + 1
            text = b64encode(skeleton).decode("ascii")
            rows.append({**row, **changed, "hello_skeleton": text, "place": place})
    if rows:
        client.insert("twin_hello", [list(row.values()) for row in rows], column_names=list(rows[0]))


def permuted(skeleton: bytes, rng: random.Random) -> bytes:
    """A ClientHello (handshake message) with its extensions in another order.

    GREASE stays where it is and pre_shared_key last (RFC 8446 section 4.2.11), as browsers do it.
    """
    at = 4 + 2 + 32
    at += 1 + skeleton[at]
    at += 2 + int.from_bytes(skeleton[at : at + 2], "big")
    at += 1 + skeleton[at] + 2
    blocks = []
    begin = at
    while at < len(skeleton):
        length = 4 + int.from_bytes(skeleton[at + 2 : at + 4], "big")
        blocks.append(skeleton[at : at + length])
        at += length
    moving = [place for place, block in enumerate(blocks) if not _is_fixed(block)]
    shuffled = rng.sample(moving, len(moving))
    ordered = list(blocks)
    for place, source in zip(moving, shuffled, strict=True):
        ordered[place] = blocks[source]
    return skeleton[:begin] + b"".join(ordered)


def _is_fixed(block: bytes) -> bool:
    kind = int.from_bytes(block[:2], "big")
    return kind == PRE_SHARED_KEY or kind in GREASE


def now_hour() -> datetime:
    """The start of the current hour, UTC."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
