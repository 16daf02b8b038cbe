"""The campaigns of one hour: groups of its suspicious entities, with the ids of earlier hours where they go
on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from ja4_assets.campaigns.cluster import cluster
from ja4_assets.campaigns.evidence import odds_against, weigh
from ja4_assets.campaigns.identity import MARGIN, Candidate, Known, identify, unite
from ja4_assets.campaigns.profile import Key, Profile
from ja4_assets.campaigns.signature import Signature, blend, signature_of
from ja4_assets.campaigns.summary import summary_of

ATTACHED_PROBABILITY = 0.4
"""Strength with which an entity that belongs to no group belongs to a campaign that it is like: below that
of any member of a group worth the name. A campaign in a quiet hour has fewer members than a group needs."""

AT_ONCE = 1_000
"""Entities compared with all campaigns at once, which bounds memory."""


@dataclass(frozen=True, slots=True)
class Member:
    """An entity of the hour that belongs to a campaign."""

    key: Key
    requests: int
    probability: float


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign in one hour; without members if it merged or ended."""

    campaign_id: str
    status: str
    merged_into: str | None
    first_seen: datetime
    last_seen: datetime
    profiles: tuple[Profile, ...]
    probabilities: tuple[float, ...]
    summary: str
    signature: Signature

    @property
    def members(self) -> list[Member]:
        """Its entities of the hour."""
        return [
            Member(one.key, one.requests, probability)
            for one, probability in zip(self.profiles, self.probabilities, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found in an hour."""

    campaigns: tuple[Campaign, ...]
    alone: int
    """Entities that belong to no campaign."""


def find_campaigns(
    profiles: Sequence[Profile], known: Sequence[Known], of_this_hour: Sequence[Known], hour: datetime
) -> Outcome:
    """Campaigns sorted by id. The same arguments give the same outcome, whatever the order of the profiles.

    `known` and `of_this_hour` as `identity.identify` wants them.
    """
    ordered = sorted(profiles, key=lambda one: one.key)
    groups = cluster(ordered)
    members = [[ordered[position] for position in group.members] for group in groups]
    probabilities = {
        ordered[position].key: strength
        for group in groups
        for position, strength in zip(group.members, group.probabilities, strict=True)
    }
    candidates = unite(
        [
            Candidate((number,), min(one.key for one in group), signature_of(group))
            for number, group in enumerate(members)
        ]
    )
    whole = [[one for number in candidate.groups for one in members[number]] for candidate in candidates]
    candidates = [
        replace(candidate, signature=signature_of(group))
        for candidate, group in zip(candidates, whole, strict=True)
    ]
    found = identify(candidates, known, of_this_hour, hour)
    belonging = {
        campaign_id: [one for number in numbers for one in whole[number]]
        for campaign_id, numbers in found.groups.items()
    }
    earlier = {one.campaign_id: one for one in known}
    loose = [one for one in ordered if one.key not in probabilities]
    gone = {*found.merged_into, *found.ended}
    signatures = {name: one.signature for name, one in earlier.items() if name not in gone}
    signatures |= {name: signature_of(group) for name, group in belonging.items() if name not in earlier}
    alone = 0
    for one, campaign_id in zip(loose, _resembled(loose, signatures), strict=True):
        if campaign_id is None:
            alone += 1
        else:
            belonging.setdefault(campaign_id, []).append(one)
            probabilities[one.key] = ATTACHED_PROBABILITY
    campaigns = [
        _active(campaign_id, group, probabilities, earlier.get(campaign_id), campaign_id in found.born)
        for campaign_id, group in belonging.items()
    ]
    campaigns += [
        _over(earlier[name], "merged", into)
        for name, into in found.merged_into.items()
        if name not in belonging
    ]
    campaigns += [_over(earlier[name], "ended", None) for name in found.ended]
    return Outcome(tuple(sorted(campaigns, key=lambda one: one.campaign_id)), alone)


def _resembled(loose: Sequence[Profile], signatures: dict[str, Signature]) -> list[str | None]:
    """For each entity the campaign that it is most like, or None."""
    names = sorted(signatures)
    if not names:
        return [None] * len(loose)
    remembered = [signatures[name] for name in names]
    least = odds_against(len(names)) + MARGIN
    resembled: list[str | None] = []
    for start in range(0, len(loose), AT_ONCE):
        evidence = weigh([signature_of([one]) for one in loose[start : start + AT_ONCE]], remembered)
        bits = np.where(evidence.is_several, evidence.total, 0.0)
        for row, best in zip(bits, bits.argmax(axis=1), strict=True):
            resembled.append(names[best] if row[best] >= least else None)
    return resembled


def _active(
    campaign_id: str,
    group: Sequence[Profile],
    probabilities: dict[Key, float],
    earlier: Known | None,
    is_born: bool,
) -> Campaign:
    members = tuple(sorted(group, key=lambda one: one.key))
    # Who was only given to it teaches nothing where a group stands: a mistake would prove itself.
    grouped = [one for one in members if probabilities[one.key] != ATTACHED_PROBABILITY]
    now = signature_of(grouped or members)
    first = min(one.first_ts for one in members)
    last = max(one.last_ts for one in members)
    return Campaign(
        campaign_id=campaign_id,
        status="born" if is_born else "alive",
        merged_into=None,
        first_seen=first if earlier is None else min(first, earlier.first_seen),
        last_seen=last if earlier is None else max(last, earlier.last_seen),
        profiles=members,
        probabilities=tuple(probabilities[one.key] for one in members),
        summary=summary_of(members),
        signature=now if earlier is None else blend(earlier.signature, now),
    )


def _over(known: Known, status: str, merged_into: str | None) -> Campaign:
    return Campaign(
        campaign_id=known.campaign_id,
        status=status,
        merged_into=merged_into,
        first_seen=known.first_seen,
        last_seen=known.last_seen,
        profiles=(),
        probabilities=(),
        summary="",
        signature=known.signature,
    )
