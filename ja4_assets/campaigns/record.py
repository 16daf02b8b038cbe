"""Reads and rows of the tables `campaigns` and `campaign_members`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from ja4_assets.campaigns.hour import Campaign
from ja4_assets.campaigns.identity import ENDED_AFTER, Known
from ja4_assets.campaigns.profile import Key
from ja4_assets.campaigns.signature import decode, encode

LOOK_BACK = ENDED_AFTER + timedelta(hours=24)
"""How far back campaigns are read: a day more than they live, so that each is seen to end once."""

KNOWN = """
with states as (
    select
        toString(campaign_id) as campaign_id,
        toDateTime64(hour, 6, 'UTC') as hour,
        toString(status) as status,
        first_seen,
        last_seen,
        signature
    from campaigns final
    where
        campaigns.hour >= {since:DateTime64(6, 'UTC')} and campaigns.hour < {hour:DateTime64(6, 'UTC')}
        and campaigns.status != 'withdrawn'
    order by campaigns.hour desc
    limit 1 by campaign_id
)

select *
from states
where status in ('born', 'alive')
order by campaign_id
"""
"""Campaigns of earlier hours that neither merged nor ended, as their last active hour left them."""

OF_THIS_HOUR = """
select
    toString(campaign_id) as campaign_id,
    toDateTime64(hour, 6, 'UTC') as hour,
    toString(status) as status,
    first_seen,
    last_seen,
    signature
from campaigns final
where campaigns.hour = {hour:DateTime64(6, 'UTC')} and campaigns.status != 'withdrawn'
order by campaign_id
"""
"""What an earlier run of this hour wrote."""

MEMBERS_OF_THIS_HOUR = """
select
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host
from campaign_members final
where campaign_members.hour = {hour:DateTime64(6, 'UTC')} and campaign_members.campaign_id != ''
order by client_ip, ja4_stable, host
"""

CAMPAIGN_SCHEMA: dict[str, pl.DataType] = {
    "hour": pl.Datetime("us", "UTC"),
    "campaign_id": pl.String(),
    "status": pl.String(),
    "merged_into": pl.String(),
    "first_seen": pl.Datetime("us", "UTC"),
    "last_seen": pl.Datetime("us", "UTC"),
    "entities": pl.UInt32(),
    "client_ips": pl.UInt32(),
    "ja4s": pl.UInt32(),
    "asns": pl.UInt32(),
    "hosts": pl.UInt32(),
    "requests": pl.UInt64(),
    "summary": pl.String(),
    "signature": pl.String(),
    "computed_at": pl.Datetime("us", "UTC"),
}
MEMBER_SCHEMA: dict[str, pl.DataType] = {
    "hour": pl.Datetime("us", "UTC"),
    "campaign_id": pl.String(),
    "client_ip": pl.String(),
    "ja4_stable": pl.String(),
    "host": pl.String(),
    "requests": pl.UInt64(),
    "probability": pl.Float32(),
    "computed_at": pl.Datetime("us", "UTC"),
}


def known_of(rows: pl.DataFrame) -> list[Known]:
    """Campaigns from the rows of KNOWN or OF_THIS_HOUR."""
    return [
        Known(
            campaign_id=row["campaign_id"],
            hour=row["hour"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
            signature=decode(row["signature"]),
        )
        for row in rows.iter_rows(named=True)
    ]


def campaign_rows(
    campaigns: Sequence[Campaign], on_record: Sequence[Known], hour: datetime, computed_at: datetime
) -> pl.DataFrame:
    """Rows of `campaigns`, columns of CAMPAIGN_SCHEMA; what is on record for the hour and not found is
    withdrawn."""
    found = {one.campaign_id for one in campaigns}
    rows = [
        (
            hour,
            one.campaign_id,
            one.status,
            one.merged_into,
            one.first_seen,
            one.last_seen,
            len(one.profiles),
            len({member.key[0] for member in one.profiles}),
            len({member.ja4_stable for member in one.profiles if member.ja4_stable}),
            len({member.asn for member in one.profiles if member.asn}),
            len({member.key[2] for member in one.profiles}),
            sum(member.requests for member in one.profiles),
            one.summary,
            encode(one.signature),
            computed_at,
        )
        for one in campaigns
    ]
    rows += [
        (
            hour,
            one.campaign_id,
            "withdrawn",
            None,
            one.first_seen,
            one.last_seen,
            0,
            0,
            0,
            0,
            0,
            0,
            "",
            encode(one.signature),
            computed_at,
        )
        for one in on_record
        if one.campaign_id not in found
    ]
    return pl.DataFrame(rows, CAMPAIGN_SCHEMA, orient="row")


def member_rows(
    campaigns: Sequence[Campaign], on_record: Sequence[Key], hour: datetime, computed_at: datetime
) -> pl.DataFrame:
    """Rows of `campaign_members`, columns of MEMBER_SCHEMA; who is on record and left has no campaign now."""
    rows = [
        (hour, one.campaign_id, *member.key, member.requests, member.probability, computed_at)
        for one in campaigns
        for member in one.members
    ]
    staying = {member.key for one in campaigns for member in one.members}
    rows += [(hour, "", *key, 0, 0.0, computed_at) for key in on_record if key not in staying]
    return pl.DataFrame(rows, MEMBER_SCHEMA, orient="row")
