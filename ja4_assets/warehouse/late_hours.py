"""Which hours have to be built again because rows came late.

An agent whose server lost the database spools its rows and delivers them hours later; a replay brings old
ones. The refresh every five minutes covers the current and the previous hour only, because a wider one
would cost dbt's time on every tick. So what is stored is compared with what was built, hour by hour: by
number, and by a sum of hashes, since a request that is sent again with its hello replaces a row without
adding one.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from clickhouse_connect.driver import Client

from ja4_assets.warehouse.run_hours import HOUR

LATEST_ARRIVAL = timedelta(hours=48)
"""Rows that come later than this are taken in by hand (a backfill of their hours). A spool that waited for a
weekend's outage is what this gives up; every hour more is compared on every run."""

CHANGED = """
select min(hour) as hour
from (
    select
        hour,
        sumIf(rows, is_stored) as stored,
        sumIf(rows, not is_stored) as built,
        sumIf(content, is_stored) as stored_content,
        sumIf(content, not is_stored) as built_content
    from (
        select
            toStartOfHour(ts) as hour,
            'request' as kind,
            true as is_stored,
            count() as rows,
            sum(cityHash64(conn_id, request_seq_on_conn, toString(join_state))) as content
        from raw_http_requests final
        where canary_nonce is null and ts >= {first:DateTime64(6, 'UTC')} and ts < {last:DateTime64(6, 'UTC')}
        group by hour
        union all
        select
            toStartOfHour(ts) as hour,
            'request' as kind,
            false as is_stored,
            count() as rows,
            sum(cityHash64(conn_id, request_seq_on_conn, toString(join_state))) as content
        from int_requests
        where ts >= {first:DateTime64(6, 'UTC')} and ts < {last:DateTime64(6, 'UTC')}
        group by hour
        union all
        select
            toStartOfHour(ts) as hour,
            'hello' as kind,
            true as is_stored,
            count() as rows,
            0 as content
        from stg_tls_hellos
        where not is_second_hello and ts >= {first:DateTime64(6, 'UTC')} and ts < {last:DateTime64(6, 'UTC')}
        group by hour
        union all
        select
            toStartOfHour(hour) as hour,
            'hello' as kind,
            false as is_stored,
            sum(fct_ja4_hour.hellos) as rows,
            0 as content
        from fct_ja4_hour
        where hour >= {first:DateTime64(6, 'UTC')} and hour < {last:DateTime64(6, 'UTC')}
        group by hour
    )
    group by hour, kind
    having stored != built or stored_content != built_content
)
having count() > 0
"""


def maybe_late_window(client: Client, now: datetime) -> tuple[datetime, datetime] | None:
    """The hours to build again, [first, end), as of the hour `now` (UTC, whole); None if nothing came late.

    From one hour before the oldest change, because a hello just before the hour is used in it, to the end of
    the current hour, because features look back over a day and over what was first seen when.
    """
    span = {"first": now - LATEST_ARRIVAL, "last": now - HOUR}
    found = client.query(CHANGED, parameters=span).result_rows
    if not found:
        return None
    oldest: datetime = found[0][0]
    return oldest.replace(tzinfo=now.tzinfo) - HOUR, now + HOUR
