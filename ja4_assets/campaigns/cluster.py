"""Groups of entities that are alike: HDBSCAN on the distances, within what is close enough to be linked at
all.

HDBSCAN alone compares densities and knows no absolute limit: in a quiet hour it would call what is left a
group. So only entities linked by distances of at most `MAX_LINK` are clustered with each other; the links
are transitive, and HDBSCAN takes apart what hangs together by a chain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.cluster import HDBSCAN

from ja4_assets.campaigns.distance import Matrix, distances
from ja4_assets.campaigns.profile import Profile

MAX_LINK = 0.2
"""Distance up to which two entities are linked. The same tool and pace after other paths are 0.30 apart,
another tool in another network after the same paths at the same pace 0.50."""

MIN_ENTITIES = 3
MIN_ADDRESSES = 3
"""A campaign is several clients that act as one; one client that visits three hosts is none."""

MIN_SAMPLES = 2

FLOOR = 1e-3
"""Least distance of two entities: HDBSCAN divides by distances."""


@dataclass(frozen=True, slots=True)
class Group:
    """Entities that act as one in an hour."""

    members: tuple[int, ...]
    """Positions in the list that was clustered, ascending."""
    probabilities: tuple[float, ...]
    """Strength of each membership, 0 to 1."""


def cluster(profiles: Sequence[Profile]) -> list[Group]:
    """Groups by size, the largest first; entities in none are noise. The same profiles give the same
    groups."""
    if len(profiles) < MIN_ENTITIES:
        return []
    matrix = distances(profiles)
    matrix = np.maximum(matrix, FLOOR)
    np.fill_diagonal(matrix, 0.0)
    linked = csr_matrix(matrix <= MAX_LINK)
    count, component_of = connected_components(linked, directed=False)
    groups: list[Group] = []
    for component in range(count):
        positions = np.flatnonzero(component_of == component)
        if len(positions) >= MIN_ENTITIES:
            groups += _groups_within(positions, matrix[np.ix_(positions, positions)])
    kept = [group for group in groups if len(_addresses(group, profiles)) >= MIN_ADDRESSES]
    return sorted(kept, key=lambda group: (-len(group.members), group.members))


def _groups_within(positions: np.ndarray[tuple[int], np.dtype[np.int64]], matrix: Matrix) -> list[Group]:
    model = HDBSCAN(
        min_cluster_size=MIN_ENTITIES,
        min_samples=MIN_SAMPLES,
        metric="precomputed",
        allow_single_cluster=True,
        copy=True,
    ).fit(matrix.astype(np.float64))
    labels, probabilities = model.labels_, np.nan_to_num(model.probabilities_, nan=1.0)
    return [
        Group(
            members=tuple(int(position) for position in positions[labels == label]),
            probabilities=tuple(float(value) for value in probabilities[labels == label]),
        )
        for label in range(int(labels.max(initial=-1)) + 1)
    ]


def _addresses(group: Group, profiles: Sequence[Profile]) -> set[str]:
    return {profiles[position].key[0] for position in group.members}
