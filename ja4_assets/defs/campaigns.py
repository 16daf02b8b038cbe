"""Campaigns, hour by hour: suspicious entities that act as one, under ids that last."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.defs.verdicts import hours_with_entities
from ja4_assets.resources.clickhouse import ClickHouseResource

GROUP = "campaigns"
NONE_LEFT_OUT = "compares_every_suspicious_entity"
SOURCES = ["fct_entity_verdict", "fct_entity_judgement", "fct_entity_hour", "fct_request"]


@dg.multi_asset(
    name="campaigns",
    specs=[
        dg.AssetSpec(
            "campaigns",
            group_name=GROUP,
            kinds={"clickhouse", "scikitlearn"},
            deps=SOURCES,
            description="Groups of suspicious entities that act as one, hour by hour; ids last over hours.",
            partitions_def=HOURS,
        ),
        dg.AssetSpec(
            "campaign_members",
            group_name=GROUP,
            kinds={"clickhouse"},
            deps=SOURCES,
            description="Which entities belonged to a campaign in an hour.",
            partitions_def=HOURS,
        ),
    ],
    check_specs=[
        dg.AssetCheckSpec(
            name=NONE_LEFT_OUT,
            asset="campaigns",
            description="No hour had more suspicious entities than one run compares with each other.",
        )
    ],
    backfill_policy=FEW_HOURS,
    pool="campaigns",
)
def campaigns(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource
) -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
    """Each hour from the first to the last, because an hour's ids rest on those before it."""
    from ja4_assets.campaigns import record
    from ja4_assets.campaigns.hour import find_campaigns
    from ja4_assets.campaigns.profile import (
        ENTITY_PATHS,
        HEADER_ORDERS,
        MAX_ENTITIES,
        MAX_PATH_CHARACTERS,
        MAX_PATHS,
        SUSPICIOUS_ENTITIES,
        profiles_of,
    )

    window = HourWindow.of(context)
    counts = dict.fromkeys(("born", "alive", "merged", "ended"), 0)
    members = alone = left_out = 0
    for hour in hours_with_entities(clickhouse, window):
        at = {"hour": hour.start}
        entities = clickhouse.read(SUSPICIOUS_ENTITIES, {**at, "max_entities": MAX_ENTITIES})
        bounds = {"max_paths": MAX_PATHS, "max_characters": MAX_PATH_CHARACTERS}
        paths = clickhouse.read(ENTITY_PATHS, {**at, **bounds})
        header_orders = clickhouse.read(HEADER_ORDERS, at)
        on_record = clickhouse.read(record.OF_THIS_HOUR, at)
        keys = clickhouse.read(record.MEMBERS_OF_THIS_HOUR, at)
        known = clickhouse.read(record.KNOWN, {**at, "since": hour.start - record.LOOK_BACK})
        outcome = find_campaigns(
            profiles_of(entities, paths, header_orders),
            record.known_of(known),
            record.known_of(on_record.filter(on_record["status"] == "born")),
            hour.start,
        )
        now = datetime.now(UTC)
        found = record.member_rows(outcome.campaigns, list(keys.iter_rows()), hour.start, now)
        clickhouse.insert("campaign_members", found)
        clickhouse.insert(
            "campaigns",
            record.campaign_rows(outcome.campaigns, record.known_of(on_record), hour.start, now),
        )
        for one in outcome.campaigns:
            counts[one.status] += 1
        members += found.filter(found["campaign_id"] != "").height
        alone += outcome.alone
        left_out += max(0, (entities["suspicious"][0] if entities.height else 0) - MAX_ENTITIES)
    yield dg.MaterializeResult(
        asset_key="campaign_members",
        metadata={"members": members, "alone": alone, "left_out": left_out},
    )
    yield dg.MaterializeResult(
        asset_key="campaigns",
        metadata={f"campaign_hours_{status}": number for status, number in counts.items()},
        check_results=[
            dg.AssetCheckResult(
                check_name=NONE_LEFT_OUT,
                passed=left_out == 0,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"left_out": left_out},
            )
        ],
    )
