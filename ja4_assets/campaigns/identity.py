"""Which campaign each group of an hour is: one of those known, or a new one; and which went on in another.

What speaks for one operator is counted in bits (`evidence`): what few have says much, what all have nothing.
"Sure" is evidence of more than one kind that outweighs the odds against it by `MARGIN`.

1. Groups of this hour that are surely one, neither paths nor pace against it, are united: a campaign that
   changes its tool within the hour shows as two. With the same tool, but another purpose or pace, they are
   two.
2. Groups and known campaigns are assigned to each other so that the sum of their bits is largest
   (Hungarian method), as far as it is sure.
3. A group that is left joins a campaign that already has one on the same condition, addresses aside.
4. A group that is left takes the place of a campaign that was active until just now and found no group, when
   evidence outweighs the odds among those few and neither paths nor pace speak against it: tool and network
   changed at once, purpose and pace did not.
5. A campaign that found no group takes over, as in 4, that of a campaign which was born beside it just now:
   who changes everything in the middle of an hour may be seen as two for that hour.
6. A group that is still left is a new campaign, under an id made of its hour and its first member. The id is
   never made again: when the hour is repeated, the campaign is recognised like any other.

A known campaign without a group, whose addresses are for the most part in another's, merged into it. One that
nobody saw for `ENDED_AFTER` ended, and its id is never used again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from scipy.optimize import linear_sum_assignment

from ja4_assets.campaigns.evidence import Bits, Evidence, odds_against, weigh
from ja4_assets.campaigns.profile import Key
from ja4_assets.campaigns.signature import Signature

MARGIN = 3.0
"""Bits beyond the odds against it from which a group is a known campaign: eight to one."""

RECENT = timedelta(hours=2)
"""How long before an hour a campaign must have been active to be handed over in it."""

MERGED_OVERLAP = 0.5
ENDED_AFTER = timedelta(hours=72)
"""Without traffic for so long a campaign is over: longer than a weekend's pause, and what bounds the
comparison."""

MAX_KNOWN = 500
"""Campaigns that an hour's groups are compared with, those seen last first."""


@dataclass(frozen=True, slots=True)
class Known:
    """A campaign as an earlier hour, or an earlier run of this hour, left it."""

    campaign_id: str
    hour: datetime
    """Hour in which it was last active."""
    first_seen: datetime
    last_seen: datetime
    signature: Signature


@dataclass(frozen=True, slots=True)
class Candidate:
    """A group of this hour, by its position among the hour's groups."""

    groups: tuple[int, ...]
    first_key: Key
    """The smallest key of its members, half of a new id."""
    signature: Signature


@dataclass(slots=True)
class Identities:
    """What became of groups and known campaigns."""

    groups: dict[str, list[int]] = field(default_factory=dict)
    """campaign_id -> positions in the list of candidates."""
    born: set[str] = field(default_factory=set)
    merged_into: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)


def identify(
    candidates: Sequence[Candidate], known: Sequence[Known], of_this_hour: Sequence[Known], hour: datetime
) -> Identities:
    """Give each candidate a campaign.

    `known`: campaigns of earlier hours, neither merged nor ended. `of_this_hour`: campaigns that an earlier
    run of this hour saw born; they are looked at last, so that a repeated hour decides as it did before.
    """
    found = Identities()
    over = [one for one in known if hour - one.hour >= ENDED_AFTER]
    found.ended = {one.campaign_id for one in over}
    alive = sorted(
        (one for one in known if one.campaign_id not in found.ended),
        key=lambda one: (-one.last_seen.timestamp(), one.campaign_id),
    )[:MAX_KNOWN]
    left = list(range(len(candidates)))
    if candidates and alive:
        evidence = weigh([one.signature for one in candidates], [one.signature for one in alive])
        standing = odds_against(len(alive)) + MARGIN
        left = _assign(left, _bits(evidence, standing), alive, found)
        left = _join(left, evidence, standing, alive, found)
        is_lost = [one.campaign_id not in found.groups and hour - one.hour <= RECENT for one in alive]
        least = odds_against(sum(is_lost))
        handed_over = np.where(evidence.is_same_purpose & (evidence.total >= least), evidence.total, 0.0)
        left = _assign(left, np.where(is_lost, handed_over, 0.0), alive, found)
        _take_back(handed_over, alive, found, hour)
        _merge(evidence, alive, found, hour)
    earlier = sorted(of_this_hour, key=lambda one: one.campaign_id)
    taken = {*found.groups, *(one.campaign_id for one in known)}
    reborn = [one for one in earlier if one.campaign_id not in taken]
    before = set(found.groups)
    if left and reborn:
        evidence = weigh([one.signature for one in candidates], [one.signature for one in reborn])
        left = _assign(left, _bits(evidence, odds_against(len(reborn)) + MARGIN), reborn, found)
    found.born = set(found.groups) - before
    for number in left:
        campaign_id = new_id(hour, candidates[number].first_key)
        found.groups.setdefault(campaign_id, []).append(number)
        found.born.add(campaign_id)
    return found


def unite(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Candidates of which no two are alike: those that were are one, with the first one's signature and key.

    The caller computes the signature of the whole anew.
    """
    parent = list(range(len(candidates)))

    def root(number: int) -> int:
        while parent[number] != number:
            number = parent[number]
        return number

    evidence = weigh([one.signature for one in candidates]) if candidates else None
    if evidence is not None:
        bits = np.where(
            evidence.is_same_purpose, _bits(evidence, odds_against(len(candidates)) + MARGIN), 0.0
        )
        # Both ways, because one may be a part of what the other does.
        for one, other in np.argwhere(np.tril(np.minimum(bits, bits.T), -1) > 0.0).tolist():
            parent[root(one)] = root(other)
    united: dict[int, list[int]] = {}
    for number in range(len(candidates)):
        united.setdefault(root(number), []).append(number)
    return [
        Candidate(
            groups=tuple(group for number in numbers for group in candidates[number].groups),
            first_key=min(candidates[number].first_key for number in numbers),
            signature=candidates[first].signature,
        )
        for first, numbers in sorted(united.items())
    ]


def new_id(hour: datetime, first_key: Key) -> str:
    """C and 10 hex digits; the same hour and first member give the same, and nobody computes it again
    later."""
    text = "\0".join([hour.isoformat(), *first_key])
    return "C" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _bits(evidence: Evidence, least: float) -> Bits:
    """Bits where they reach `least` and more than one kind of evidence gives them, else 0."""
    total = evidence.total
    return np.where((total >= least) & evidence.is_several, total, 0.0)


def _assign(numbers: list[int], bits: Bits, known: Sequence[Known], found: Identities) -> list[int]:
    """Pair each campaign with one candidate at most; returns the candidates without one."""
    paired = set()
    for row, column in zip(*linear_sum_assignment(bits[numbers], maximize=True), strict=True):
        if bits[numbers[row], column] > 0.0:
            found.groups.setdefault(known[column].campaign_id, []).append(numbers[row])
            paired.add(numbers[row])
    return [number for number in numbers if number not in paired]


def _join(
    numbers: list[int], evidence: Evidence, least: float, known: Sequence[Known], found: Identities
) -> list[int]:
    # Not by addresses: members that left for another purpose are a split.
    bits = np.where(evidence.is_same_purpose, evidence.total - evidence.addresses, 0.0)
    left = []
    for number in numbers:
        best = int(bits[number].argmax())
        if bits[number, best] >= least and known[best].campaign_id in found.groups:
            found.groups[known[best].campaign_id].append(number)
        else:
            left.append(number)
    return left


def _take_back(bits: Bits, known: Sequence[Known], found: Identities, hour: datetime) -> None:
    """Give the groups of newborn campaigns to those that they are the continuation of; the newborn merge."""
    newborn = [one for one in known if one.campaign_id in found.groups and hour - one.first_seen <= RECENT]
    older = [
        number
        for number, one in enumerate(known)
        if one.campaign_id not in found.groups and hour - one.hour <= RECENT < hour - one.first_seen
    ]
    if not newborn or not older:
        return
    scores = np.stack([bits[found.groups[one.campaign_id]].max(axis=0)[older] for one in newborn])
    for row, column in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
        if scores[row, column] > 0.0:
            child, parent = newborn[row].campaign_id, known[older[column]].campaign_id
            found.groups[parent] = found.groups.pop(child)
            found.merged_into[child] = parent


def _merge(evidence: Evidence, known: Sequence[Known], found: Identities, hour: datetime) -> None:
    holder = {number: name for name, numbers in found.groups.items() for number in numbers}
    for column, one in enumerate(known):
        if (
            one.campaign_id in found.groups
            or one.campaign_id in found.merged_into
            or hour - one.hour > RECENT
        ):
            continue
        overlaps = [(evidence.overlap[number, column], name) for number, name in holder.items()]
        overlap, campaign_id = max(overlaps, default=(0.0, ""))
        if overlap >= MERGED_OVERLAP:
            found.merged_into[one.campaign_id] = campaign_id
