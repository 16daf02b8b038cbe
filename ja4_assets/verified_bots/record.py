"""Reads of claims and signatures, and the rows of `bot_identities`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from ja4_assets.verified_bots.identity import Claim, Identity, Method, State
from ja4_assets.verified_bots.web_bot_auth import Finding, SignedRequest

RECHECK_KNOWN = timedelta(days=1)
"""How long a yes or a no holds: addresses change hands and lists grow, but not within the hour."""
RECHECK_UNKNOWN = timedelta(hours=1)
"""The cause of not knowing, a name server or a missing list, is mended sooner. Together the two bound what a
schedule of five minutes asks the DNS."""
MAX_SIGNATURES = 20_000
"""Signed requests of one hour that are checked, the earliest of each client and agent first."""
SIGNATURES_PER_CLIENT = 20

CLAIMS = """
select
    toString(entity.client_ip) as client_ip,
    toString(entity.claimed_bot) as claimed,
    toString(any(dictGet('intel_crawler_range', 'name', entity.client_ip))) as range_name,
    toUInt32(any(dictGet('intel_asn', 'asn', entity.client_ip))) as asn
from fct_entity_hour as entity
where
    entity.claimed_bot != '' and not entity.is_signed
    and entity.hour >= {start:DateTime64(6, 'UTC')} and entity.hour < {end:DateTime64(6, 'UTC')}
group by entity.client_ip, entity.claimed_bot
order by client_ip, claimed
"""
"""Grain: (client_ip, claimed)."""

SIGNED = """
select
    toString(request.client_ip) as client_ip,
    toDateTime64(request.ts, 6, 'UTC') as ts,
    toString(request.method) as method,
    toString(request.scheme) as scheme,
    ifNull(toString(request.host), '') as authority,
    toString(request.path) as path,
    request.query as query,
    ifNull(request.signature, '') as signature,
    ifNull(request.signature_input, '') as signature_input,
    ifNull(toString(request.signature_agent), '') as signature_agent
from raw_http_requests as request
where
    request.signature is not null and request.signature_input is not null
    and request.signature_agent is not null and request.canary_nonce is null
    and request.ts >= {start:DateTime64(6, 'UTC')} and request.ts < {end:DateTime64(6, 'UTC')}
order by request.client_ip, request.signature_agent, request.ts
limit {each:UInt32} by request.client_ip, request.signature_agent
limit {most:UInt32}
"""

CHECKED = """
select
    toString(check.client_ip) as client_ip,
    toString(check.claimed) as claimed,
    toString(check.state) as state,
    toDateTime64(check.checked_at, 6, 'UTC') as checked_at
from bot_identities as check
order by check.checked_at desc
limit 1 by check.client_ip, check.claimed
"""

RANGE_AGE = """
select toInt32(dateDiff('day', argMax(published_on, activated_at), today())) as days
from intel_sources
where source = 'crawler_ranges'
having count() > 0
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim with its answer."""

    client_ip: str
    claimed: str
    identity: Identity


def due_claims(
    claims: pl.DataFrame, checked: pl.DataFrame, age_days: int | None, now: datetime
) -> list[Claim]:
    """The rows of CLAIMS that have no answer young enough."""
    known = {(row[0], row[1]): (row[2], row[3]) for row in checked.iter_rows()}
    due = []
    for row in claims.iter_rows(named=True):
        state, at = known.get((row["client_ip"], row["claimed"]), ("", None))
        holds = RECHECK_UNKNOWN if state == State.UNKNOWN else RECHECK_KNOWN
        if at is None or now - at >= holds:
            due.append(Claim(**row, range_age_days=age_days))
    return due


def signed_requests(rows: pl.DataFrame) -> list[tuple[str, SignedRequest]]:
    """Client address and request of each row of SIGNED."""
    return [(client_ip, SignedRequest(*request)) for client_ip, *request in rows.iter_rows()]


def identities_of_signatures(
    findings: Iterable[tuple[str, Finding]], operators: dict[str, str]
) -> list[Checked]:
    """One answer per client and agent: one wrong signature is an impostor's, whatever the others are.

    Findings without a domain say nothing about anybody and are left out.
    """
    by_claim: dict[tuple[str, str], list[Finding]] = {}
    for client_ip, finding in findings:
        if finding.domain:
            by_claim.setdefault((client_ip, finding.domain), []).append(finding)
    order = [State.IMPOSTOR, State.VERIFIED, State.UNKNOWN]
    answers = []
    for (client_ip, domain), found in by_claim.items():
        worst = min(found, key=lambda finding: order.index(finding.state))
        method = Method.NONE if worst.state is State.UNKNOWN else Method.WEB_BOT_AUTH
        identity = Identity(operators.get(domain, ""), method, worst.state, worst.detail)
        answers.append(Checked(client_ip, domain, identity))
    return answers


TEXTS = ("client_ip", "claimed", "operator", "method", "state", "detail")


def identity_rows(answers: Iterable[Checked], checked_at: datetime) -> pl.DataFrame:
    """Rows of `bot_identities`."""
    return pl.DataFrame(
        [
            {
                "checked_at": checked_at,
                "client_ip": one.client_ip,
                "claimed": one.claimed,
                "operator": one.identity.operator,
                "method": one.identity.method.value,
                "state": one.identity.state.value,
                "detail": one.identity.detail,
            }
            for one in answers
        ],
        schema={"checked_at": pl.Datetime("us", "UTC"), **dict.fromkeys(TEXTS, pl.String)},
    )
