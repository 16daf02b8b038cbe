"""What is remembered of a campaign, so that a later hour's group can be recognised as the same.

A signature holds shares: which fingerprints, header orders, networks and addresses its members had, what
they asked for, and their middling pace. It fades: each hour keeps `MEMORY` of what was, so a fingerprint of
yesterday still counts today, and what a campaign uses in turn adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from ja4_assets.campaigns.distance import PACE_CONTRAST, WEIGHTS
from ja4_assets.campaigns.profile import PACE, Profile

MEMORY = 0.8
"""Share that an hour keeps of what was remembered: after a day of another tool 0.5 % of the old one is
left."""

PACE_MEMORY = 0.5
"""Of the pace, which changes with the tool and is one number, not a collection."""

MAX_VALUES = {"ja4s": 32, "header_orders": 32, "asns": 64, "addresses": 512, "paths": 64}
"""Values remembered of each kind, the largest shares first: what bounds a signature."""

LEAST_SHARE = 1e-3
OVERLAP_COUNTS_FROM = 0.3
"""Share of common addresses below which they say nothing: carriers give one address to many."""

UNLIKE_PATHS, UNLIKE_PACE = 0.5, 0.6
"""Likeness of paths and of pace up to which it says nothing: on simulated days (bench/campaigns.py) half and
more of the pairs of different operators reach it."""

OTHER_PURPOSE = 0.6
"""Likeness of purpose below which two groups of one hour are two campaigns, however alike their tools. From
hour to hour a campaign may turn to something else; who runs the same tool in the same hour after something
else is another. Without it an operator who took up another's tool became one with it, and the memory of both
kept them together: half of the entity hours under a foreign id came so (bench/campaigns.py)."""


class Signature(msgspec.Struct, frozen=True):
    """Value -> share, the shares of a kind adding up to 1 before they were cut; kept as JSON."""

    ja4s: dict[str, float]
    header_orders: dict[str, float]
    asns: dict[str, float]
    addresses: dict[str, float]
    paths: dict[str, float]
    pace: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a group and a campaign are."""

    overlap: float
    """Common addresses as a share of the fewer."""
    traits: float
    """Weighted mean over tool, network, paths and pace."""
    purpose: float | None
    """The lesser of paths and pace: what a campaign cannot change without giving up what it is for. None if
    one of the two was not observed of both."""

    @property
    def score(self) -> float:
        """The best of three: the same addresses, the same traits, or the same purpose with another tool."""
        return max(self._by_address, self.traits, self.purpose or 0.0)

    @property
    def score_within_hour(self) -> float:
        """As `score`, of two groups of one hour: the same addresses, or what they do."""
        return max(self._by_address, self.doing_within_hour)

    @property
    def doing_within_hour(self) -> float:
        """Traits or purpose of two groups of one hour; traits do not count where the purpose contradicts."""
        if self.purpose is None:
            return self.traits
        return max(self.traits, self.purpose) if self.purpose >= OTHER_PURPOSE else self.purpose

    @property
    def _by_address(self) -> float:
        return 0.5 + 0.5 * self.overlap if self.overlap >= OVERLAP_COUNTS_FROM else 0.0


def signature_of(members: Sequence[Profile]) -> Signature:
    """The signature of a group; each member counts the same, however many requests it sent."""
    return Signature(
        ja4s=_shares(({one.ja4_stable: 1.0} for one in members if one.ja4_stable), "ja4s"),
        header_orders=_shares(
            ({one.header_order: 1.0} for one in members if one.header_order), "header_orders"
        ),
        asns=_shares(({str(one.asn): 1.0} for one in members if one.asn), "asns"),
        addresses=_shares(({one.key[0]: 1.0} for one in members), "addresses"),
        paths=_shares((one.paths for one in members if one.paths), "paths"),
        pace=tuple(_median([one.pace[number] for one in members]) for number in range(len(PACE))),
    )


def blend(remembered: Signature, now: Signature) -> Signature:
    """What is remembered after one more hour."""

    def faded(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
        if not before or not after:
            return dict(after or before)
        values = {value: share * MEMORY for value, share in before.items()}
        for value, share in after.items():
            values[value] = values.get(value, 0.0) + share * (1.0 - MEMORY)
        return _largest(values, name)

    return Signature(
        ja4s=faded("ja4s", remembered.ja4s, now.ja4s),
        header_orders=faded("header_orders", remembered.header_orders, now.header_orders),
        asns=faded("asns", remembered.asns, now.asns),
        addresses=faded("addresses", remembered.addresses, now.addresses),
        paths=faded("paths", remembered.paths, now.paths),
        pace=tuple(
            new if old is None else old if new is None else old * PACE_MEMORY + new * (1.0 - PACE_MEMORY)
            for old, new in zip(remembered.pace, now.pace, strict=True)
        ),
    )


def likeness(now: Signature, remembered: Signature) -> Likeness:
    """Compare a group of this hour with what is remembered of a campaign, or with another group.

    Tool and network count by how much of the group's is known of the campaign, so a campaign that rotates
    through many is not unlike itself; paths count by their shares on both sides.
    """
    common = len(now.addresses.keys() & remembered.addresses.keys())
    fewer = min(len(now.addresses), len(remembered.addresses))
    parts: dict[str, float | None] = {
        "ja4": _known_share(now.ja4s, remembered.ja4s),
        "header_order": _known_share(now.header_orders, remembered.header_orders),
        "network": _known_share(now.asns, remembered.asns),
        "paths": _contrast(_bhattacharyya(now.paths, remembered.paths), UNLIKE_PATHS),
        "pace": _contrast(_pace_likeness(now.pace, remembered.pace), UNLIKE_PACE),
    }
    purpose = [part for part in (parts["paths"], parts["pace"]) if part is not None]
    weight = sum(WEIGHTS[name] for name, part in parts.items() if part is not None)
    total = sum(WEIGHTS[name] * part for name, part in parts.items() if part is not None)
    return Likeness(
        overlap=common / fewer if fewer else 0.0,
        traits=total / weight if weight else 0.0,
        purpose=min(purpose) if len(purpose) == 2 else None,
    )


def encode(signature: Signature) -> str:
    """The JSON that `campaigns.signature` holds."""
    return msgspec.json.encode(signature, order="sorted").decode()


def decode(text: str) -> Signature:
    """The signature of a stored row; raises msgspec.ValidationError if it is none."""
    return msgspec.json.decode(text, type=Signature)


def _shares(parts: Iterable[Mapping[str, float]], name: str) -> dict[str, float]:
    summed: dict[str, float] = {}
    count = 0
    for part in parts:
        count += 1
        for value, share in part.items():
            summed[value] = summed.get(value, 0.0) + share
    return _largest({value: share / count for value, share in summed.items()}, name)


def _largest(values: Mapping[str, float], name: str) -> dict[str, float]:
    kept = sorted(values.items(), key=lambda item: (-item[1], item[0]))[: MAX_VALUES[name]]
    return {value: round(share, 6) for value, share in kept if share >= LEAST_SHARE}


def _median(values: Sequence[float | None]) -> float | None:
    observed = [value for value in values if value is not None]
    return round(float(np.median(observed)), 6) if observed else None


def _contrast(likeness: float | None, unlike: float) -> float | None:
    """0 up to what strangers have in common, then evenly to 1."""
    return None if likeness is None else max(0.0, (likeness - unlike) / (1.0 - unlike))


def _known_share(now: Mapping[str, float], remembered: Mapping[str, float]) -> float | None:
    if not now or not remembered:
        return None
    return sum(share for value, share in now.items() if value in remembered) / sum(now.values())


def _bhattacharyya(now: Mapping[str, float], remembered: Mapping[str, float]) -> float | None:
    if not now or not remembered:
        return None
    product = sum((share * remembered.get(value, 0.0)) ** 0.5 for value, share in now.items())
    return float(min(1.0, product / (sum(now.values()) * sum(remembered.values())) ** 0.5))


def _pace_likeness(now: Sequence[float | None], remembered: Sequence[float | None]) -> float | None:
    differences = [
        abs(one - other)
        for one, other in zip(now, remembered, strict=True)
        if one is not None and other is not None
    ]
    if not differences:
        return None
    return max(0.0, 1.0 - PACE_CONTRAST * sum(differences) / len(differences))
