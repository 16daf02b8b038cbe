"""Which campaign each group of an hour is: one of those known, or a new one; and which went on in another.

1. Groups whose signatures are alike (`SAME`) are one: a campaign that changes its tool within the hour shows
   as two. With the same tool, but another purpose or pace in the same hour, they are two.
2. Groups and known campaigns are assigned to each other so that the sum of their likenesses is largest
   (Hungarian method); a pair below `SAME` is none.
3. A group that is left and, addresses aside, like a campaign that already has one joins it, under the same
   condition.
4. A group that is left and somewhat alike (`HANDOVER`) a campaign that was active until just now and found no
   group of its own takes it over: tool and network changed at once, purpose and pace did not.
5. A campaign that found no group takes over, as in 4, that of a campaign which was born beside it just now:
   who changes everything in the middle of an hour is seen as two for that hour.
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

from ja4_assets.campaigns.profile import Key
from ja4_assets.campaigns.signature import Likeness, Signature, likeness

SAME = 0.75
HANDOVER = 0.6
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
    left = _assign(list(range(len(candidates))), candidates, alive, found, SAME)
    left = _join(left, candidates, alive, found)
    recent = [one for one in alive if hour - one.hour <= RECENT and one.campaign_id not in found.groups]
    left = _assign(left, candidates, recent, found, HANDOVER)
    _take_back(candidates, alive, found, hour)
    _merge(candidates, alive, found, hour)
    earlier = sorted(of_this_hour, key=lambda one: one.campaign_id)
    taken = {*found.groups, *(one.campaign_id for one in known)}
    reborn = [one for one in earlier if one.campaign_id not in taken]
    before = set(found.groups)
    left = _assign(left, candidates, reborn, found, SAME)
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

    for one in range(len(candidates)):
        for other in range(one):
            a, b = candidates[one].signature, candidates[other].signature
            # Both ways, because one may be a part of what the other does.
            if min(likeness(a, b).score_within_hour, likeness(b, a).score_within_hour) >= SAME:
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


def _assign(
    numbers: list[int],
    candidates: Sequence[Candidate],
    known: Sequence[Known],
    found: Identities,
    least: float,
) -> list[int]:
    """Pair each campaign with one candidate at most; returns the candidates without one."""
    if not numbers or not known:
        return numbers
    scores = np.array([[_score(candidates[number], one) for one in known] for number in numbers])
    scores[scores < least] = 0.0
    paired = set()
    for row, column in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
        if scores[row, column] >= least:
            found.groups.setdefault(known[column].campaign_id, []).append(numbers[row])
            paired.add(numbers[row])
    return [number for number in numbers if number not in paired]


def _join(
    numbers: list[int], candidates: Sequence[Candidate], known: Sequence[Known], found: Identities
) -> list[int]:
    left = []
    for number in numbers:
        likenesses = [(_likeness(candidates[number], one), one.campaign_id) for one in known]
        # Not by addresses: members that left for another purpose are a split.
        scores = [(one.doing_within_hour, campaign_id) for one, campaign_id in likenesses]
        score, campaign_id = max(scores, default=(0.0, ""))
        if score >= SAME and campaign_id in found.groups:
            found.groups[campaign_id].append(number)
        else:
            left.append(number)
    return left


def _take_back(
    candidates: Sequence[Candidate], known: Sequence[Known], found: Identities, hour: datetime
) -> None:
    """Give the groups of newborn campaigns to those that they are the continuation of; the newborn merge."""
    newborn = [one for one in known if one.campaign_id in found.groups and hour - one.first_seen <= RECENT]
    lost = [one for one in known if one.campaign_id not in found.groups and hour - one.hour <= RECENT]
    older = [one for one in lost if hour - one.first_seen > RECENT]
    if not newborn or not older:
        return
    scores = np.array(
        [
            [
                max(_score(candidates[number], before) for number in found.groups[one.campaign_id])
                for before in older
            ]
            for one in newborn
        ]
    )
    scores[scores < HANDOVER] = 0.0
    for row, column in zip(*linear_sum_assignment(scores, maximize=True), strict=True):
        if scores[row, column] >= HANDOVER:
            child, parent = newborn[row].campaign_id, older[column].campaign_id
            found.groups[parent] = found.groups.pop(child)
            found.merged_into[child] = parent


def _merge(
    candidates: Sequence[Candidate], known: Sequence[Known], found: Identities, hour: datetime
) -> None:
    for one in known:
        if one.campaign_id in found.groups or hour - one.hour > RECENT:
            continue
        overlaps = [
            (_likeness(candidates[number], one).overlap, campaign_id)
            for campaign_id, numbers in found.groups.items()
            for number in numbers
        ]
        overlap, campaign_id = max(overlaps, default=(0.0, ""))
        if overlap >= MERGED_OVERLAP:
            found.merged_into[one.campaign_id] = campaign_id


def _likeness(candidate: Candidate, known: Known) -> Likeness:
    return likeness(candidate.signature, known.signature)


def _score(candidate: Candidate, known: Known) -> float:
    return _likeness(candidate, known).score
