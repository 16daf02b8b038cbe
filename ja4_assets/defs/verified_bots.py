"""Clients that say they are bots, checked hour by hour before they are judged."""

import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg

from ja4_assets.defs.partitions import FEW_HOURS, HOURS, HourWindow
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.settings import AssetSettings
from ja4_assets.verified_bots.identity import State, identify
from ja4_assets.verified_bots.record import (
    CHECKED,
    CLAIMS,
    MAX_SIGNATURES,
    RANGE_AGE,
    SIGNATURES_PER_CLIENT,
    SIGNED,
    Checked,
    due_claims,
    identities_of_signatures,
    identity_rows,
    signed_requests,
)
from ja4_assets.verified_bots.resolver import CachedResolver, DnsResolver, Resolver
from ja4_assets.verified_bots.web_bot_auth import KeyDirectory, check, read_key_directory

NO_KEYS = KeyDirectory({}, {})


class BotCheckResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What may be asked about a client: the DNS, and a file of bots' keys. Neither by default."""

    reverse_dns: bool = False
    client_pseudonyms: bool = False
    """Addresses are pseudonyms, which only signatures can make up for."""
    web_bot_keys: str = ""
    """Path of the file; empty for none."""

    def maybe_resolver(self) -> Resolver | None:
        """The machine's own name servers with a cache, if they may be asked."""
        return (
            CachedResolver(DnsResolver(), time.monotonic)
            if self.reverse_dns and not self.client_pseudonyms
            else None
        )

    def key_directory(self) -> KeyDirectory:
        """The keys of the file; raises KeyFileError."""
        return read_key_directory(Path(self.web_bot_keys)) if self.web_bot_keys else NO_KEYS


def bot_check_resource(settings: AssetSettings) -> BotCheckResource:
    """The resource as the environment configures it."""
    keys = settings.web_bot_keys
    return BotCheckResource(
        reverse_dns=settings.reverse_dns,
        client_pseudonyms=settings.client_pseudonyms,
        web_bot_keys=str(keys) if keys else "",
    )


@dg.asset(
    group_name="verdicts",
    kinds={"clickhouse"},
    partitions_def=HOURS,
    backfill_policy=FEW_HOURS,
    deps=["fct_entity_hour", "intel_networks"],
    pool="bot_identities",
)
def bot_identities(
    context: dg.AssetExecutionContext, clickhouse: ClickHouseResource, bot_checks: BotCheckResource
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Whether each client that claims to be a bot is that bot; an answer that still holds is not asked
    again."""
    window, now = HourWindow.of(context), datetime.now(UTC)
    ages = clickhouse.read(RANGE_AGE)["days"].to_list()
    claims = clickhouse.read(CLAIMS, window.parameters)
    due = due_claims(claims, clickhouse.read(CHECKED), ages[0] if ages else None, now)
    resolver, directory = bot_checks.maybe_resolver(), bot_checks.key_directory()
    are_pseudonyms = bot_checks.client_pseudonyms
    answers = [
        Checked(claim.client_ip, claim.claimed, identify(claim, resolver, is_pseudonym=are_pseudonyms))
        for claim in due
    ]
    bounds = {"each": SIGNATURES_PER_CLIENT, "most": MAX_SIGNATURES}
    signed = signed_requests(clickhouse.read(SIGNED, {**window.parameters, **bounds}))
    findings = [(client_ip, check(request, directory)) for client_ip, request in signed]
    operators = {domain: agent.operator for domain, agent in directory.agents.items()}
    answers += identities_of_signatures(findings, operators)
    clickhouse.insert("bot_identities", identity_rows(answers, now))
    counts = {state.value: sum(one.identity.state is state for one in answers) for state in State}
    return dg.MaterializeResult(
        metadata={
            "claims": claims.height,
            "checked_again": len(due),
            "signatures": len(signed),
            "range_age_days": ages[0] if ages else -1,
            "asks_dns": resolver is not None,
            **counts,
        }
    )
