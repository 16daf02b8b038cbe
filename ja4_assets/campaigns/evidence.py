"""How strongly it speaks for one operator that two signatures are alike, in bits.

Each kind of evidence gives the logarithm of base 2 of a ratio: how often a campaign is as unlike itself from
hour to hour, over how often strangers are as alike. The second is counted among the campaigns at hand, with
what was seen elsewhere as if it were `PRIOR_CAMPAIGNS` more of them: what many have says little, what one
alone has says much, and none of it says more than so many campaigns can show.

| kind | for | against |
|---|---|---|
| addresses | common ones, as a share of the fewer | nothing: rotating them is free |
| tool | the rarer of stable JA4 and header order: one library brings both | `OTHER_VALUE` for each unknown |
| network | the provider | as above |
| paths | Hellinger distance of the shares of path templates | the same |
| pace | mean difference of the six numbers | the same |

Kinds add up, so no single one of them, however exact, makes two into one (`is_several`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ja4_assets.campaigns.distance import PATH_BUCKETS, path_bucket
from ja4_assets.campaigns.signature import Signature

Bits = npt.NDArray[np.float32]

PRIOR_CAMPAIGNS = 20.0
"""Weight of what strangers have in common elsewhere, as a number of campaigns."""

PRIOR_SHARE = {"ja4s": 0.05, "header_orders": 0.1, "asns": 0.1}
"""Share of strangers that have a given value of the kind."""

OTHER_VALUE = -1.5
"""Bits for a tool or provider that the campaign was not seen with: it changes one in three hours or so."""

PATHS_SCALE, PACE_SCALE = 0.12, 0.05
"""Distances that a campaign moves from hour to hour: the survival function falls to 1/e there."""

LEAST_SHARED = 0.005
"""Share of strangers that are exactly alike in paths or in pace, at the least: an hour's few requests do not
tell more."""

LEAST_SURVIVAL = 0.02
"""Share of hours in which a campaign turns to something else entirely. Bounds what speaks against."""

ADDRESSES_BITS = 9.0
"""For all addresses in common. Fewer than `OVERLAP_COUNTS_FROM` say nothing: carriers give one to many."""
OVERLAP_COUNTS_FROM = 0.3

KIND_COUNTS_FROM = 2.0
"""Bits from which a kind of evidence stands for itself, or against: four to one."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was compared, each of shape (groups, campaigns); bits but for the overlap."""

    overlap: Bits
    """Common addresses as a share of the fewer."""
    tool: Bits
    network: Bits
    paths: Bits
    pace: Bits

    @property
    def addresses(self) -> Bits:
        """Bits of common addresses."""
        return np.where(self.overlap >= OVERLAP_COUNTS_FROM, ADDRESSES_BITS * self.overlap, 0.0)

    @property
    def total(self) -> Bits:
        """Bits of all kinds together."""
        return self.addresses + self.tool + self.network + self.paths + self.pace

    @property
    def is_several(self) -> npt.NDArray[np.bool_]:
        """Whether at least two kinds stand for themselves."""
        kinds = (self.addresses, self.tool, self.network, self.paths, self.pace)
        several: npt.NDArray[np.bool_] = np.sum(np.stack(kinds) >= KIND_COUNTS_FROM, axis=0) >= 2
        return several

    @property
    def is_same_purpose(self) -> npt.NDArray[np.bool_]:
        """Whether neither paths nor pace speak against it by themselves: a few members' few requests seldom
        fall on paths exactly as the whole campaign's. What was not observed does not speak."""
        is_same: npt.NDArray[np.bool_] = (self.paths > -KIND_COUNTS_FROM) & (self.pace > -KIND_COUNTS_FROM)
        return is_same


def odds_against(campaigns: int) -> float:
    """Bits that evidence must outweigh before it says anything: one of so many campaigns, or a new one."""
    return float(np.log2(1.0 + campaigns))


def weigh(groups: Sequence[Signature], campaigns: Sequence[Signature] | None = None) -> Evidence:
    """Evidence that each group goes on as each campaign.

    Without campaigns: that groups of one hour are one. Neither may be empty. A group and
    itself have no distance; what is said of such a pair has no meaning.
    """
    others = groups if campaigns is None else campaigns
    itself = 1 if campaigns is None else 0
    paths, pace = _paths(groups, others), _pace(groups, others)
    if campaigns is None:
        np.fill_diagonal(paths, np.nan)
        np.fill_diagonal(pace, np.nan)
    values = {
        kind: _values(
            [getattr(one, kind) for one in groups], [getattr(one, kind) for one in others], kind, itself
        )
        for kind in PRIOR_SHARE
    }
    return Evidence(
        overlap=_overlap(groups, others),
        tool=np.nan_to_num(np.fmax(values["ja4s"], values["header_orders"])),
        network=np.nan_to_num(values["asns"]),
        paths=_ratio(paths, PATHS_SCALE, np.minimum(1.0, 0.6 * paths**2.5)),
        pace=_ratio(pace, PACE_SCALE, np.minimum(1.0, (pace / 0.35) ** 2)),
    )


def _ratio(distance: Bits, scale: float, among_strangers: Bits) -> Bits:
    """Bits of a distance, 0 where it is nan; `among_strangers`: share of them that is as near, elsewhere."""
    as_near = np.stack(
        [
            np.searchsorted(row, own, side="right")
            for row, own in zip(np.sort(distance), distance, strict=True)
        ]
    )
    share = (PRIOR_CAMPAIGNS * np.maximum(among_strangers, LEAST_SHARED) + as_near - 1) / (
        PRIOR_CAMPAIGNS + distance.shape[1]
    )
    own = np.maximum(np.exp(-distance / scale), LEAST_SURVIVAL)
    bits: Bits = np.nan_to_num(np.log2(own / share)).astype(np.float32)
    return bits


def _values(
    groups: Sequence[Mapping[str, float]], campaigns: Sequence[Mapping[str, float]], kind: str, itself: int
) -> Bits:
    """Bits of values that two have or have not in common; nan where one of the two has none."""
    had_by: dict[str, list[int]] = {}
    for column, one in enumerate(campaigns):
        for value in one:
            had_by.setdefault(value, []).append(column)
    bits = np.zeros((len(groups), len(campaigns)), dtype=np.float32)
    prior = PRIOR_CAMPAIGNS * PRIOR_SHARE[kind]
    for row, one in enumerate(groups):
        whole = sum(one.values())
        for value, share in one.items():
            columns = had_by.get(value, [])
            others = max(0, len(columns) - 1 - itself)
            rarity = float(np.log2((PRIOR_CAMPAIGNS + len(campaigns)) / (prior + others)))
            bits[row] += OTHER_VALUE * share / whole
            bits[row, columns] += (rarity - OTHER_VALUE) * share / whole
    bits[[not one for one in groups], :] = np.nan
    bits[:, [not one for one in campaigns]] = np.nan
    return bits


def _overlap(groups: Sequence[Signature], campaigns: Sequence[Signature]) -> Bits:
    had_by: dict[str, list[int]] = {}
    for column, one in enumerate(campaigns):
        for address in one.addresses:
            had_by.setdefault(address, []).append(column)
    common = np.zeros((len(groups), len(campaigns)), dtype=np.float32)
    for row, one in enumerate(groups):
        for address in one.addresses:
            common[row, had_by.get(address, [])] += 1.0
    sizes = [len(one.addresses) for one in groups], [len(one.addresses) for one in campaigns]
    overlap: Bits = (common / np.maximum(1, np.minimum.outer(*sizes))).astype(np.float32)
    return overlap


def _paths(groups: Sequence[Signature], campaigns: Sequence[Signature]) -> Bits:
    """Hellinger distances; nan where one of the two asked for nothing that is known."""
    likeness = _path_roots(groups) @ _path_roots(campaigns).T
    distance: Bits = np.sqrt(np.clip(1.0 - likeness, 0.0, 1.0)).astype(np.float32)
    distance[[not one.paths for one in groups], :] = np.nan
    distance[:, [not one.paths for one in campaigns]] = np.nan
    return distance


def _path_roots(signatures: Sequence[Signature]) -> Bits:
    shares = np.zeros((len(signatures), PATH_BUCKETS), dtype=np.float32)
    for row, one in enumerate(signatures):
        whole = sum(one.paths.values())
        for template, share in one.paths.items():
            shares[row, path_bucket(template)] += share / whole
    roots: Bits = np.sqrt(shares)
    return roots


def _pace(groups: Sequence[Signature], campaigns: Sequence[Signature]) -> Bits:
    """Mean differences; nan where nothing was observed of both."""
    left = np.array([one.pace for one in groups], dtype=np.float32)
    right = np.array([one.pace for one in campaigns], dtype=np.float32)
    difference = np.abs(left[:, None, :] - right[None, :, :])
    observed = np.sum(~np.isnan(difference), axis=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean: Bits = (np.nansum(difference, axis=2) / observed).astype(np.float32)
    return mean
