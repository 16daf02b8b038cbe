"""How far apart two entities are, 0 to 1: the weighted mean of what could be observed of both.

| part | 0 | between | 1 | weight |
|---|---|---|---|---|
| stable JA4 | the same | 0.5: same cipher suites | another, or one has none | 0.25 |
| header order | the same | | another | 0.15 |
| network | same /24 or /64 | 0.25: same ASN | another | 0.10 |
| paths | same shares of path templates | 1 - Bhattacharyya coefficient | nothing in common | 0.30 |
| pace | equal | twice the mean difference of six numbers | | 0.20 |

What one of the two does not show (a header order over HTTP/2 without frames, the pace of one request) is
left out and the other weights count for more. The weights are judgements: what a bot changes at no cost
(address, user agent) counts for little or nothing, what it cannot change without giving up its purpose
(paths) for most.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ja4_assets.campaigns.profile import Profile

Matrix = npt.NDArray[np.float32]

WEIGHTS = {"ja4": 0.25, "header_order": 0.15, "network": 0.10, "paths": 0.30, "pace": 0.20}
SAME_CIPHERS = 0.5
SAME_ASN = 0.25
PACE_CONTRAST = 2.0
"""Numbers spread over 0 to 1 differ by a third on average between unlike bots: twice that uses the range."""

PATH_BUCKETS = 2_048
"""Path templates are hashed into so many columns, which bounds memory whatever a scanner asks for."""


def distances(profiles: Sequence[Profile], others: Sequence[Profile] | None = None) -> Matrix:
    """Distances, shape (len(profiles), len(others)); of the profiles among themselves without others."""
    rows, columns = list(profiles), list(profiles if others is None else others)
    total = np.zeros((len(rows), len(columns)), dtype=np.float32)
    weights = np.zeros_like(total)
    parts = {
        "ja4": _ja4(rows, columns),
        "header_order": _header_order(rows, columns),
        "network": _network(rows, columns),
        "paths": _paths(rows, columns),
        "pace": _pace(rows, columns),
    }
    for name, part in parts.items():
        is_observed = ~np.isnan(part)
        total += np.where(is_observed, part, 0.0) * np.float32(WEIGHTS[name])
        weights += is_observed * np.float32(WEIGHTS[name])
    # The network is always observed, so no weight is 0.
    mean: Matrix = np.clip(total / weights, 0.0, 1.0)
    return mean


def ciphers_of(ja4_stable: str) -> str:
    """The part of a JA4 that stands for its cipher suites; '' without one."""
    parts = ja4_stable.split("_")
    return parts[1] if len(parts) == 3 else ""


def path_bucket(template: str) -> int:
    """The column that stands for a path template."""
    return zlib.crc32(template.encode("utf-8", "surrogateescape")) % PATH_BUCKETS


def _equal(rows: Sequence[str], columns: Sequence[str]) -> npt.NDArray[np.bool_]:
    codes: dict[str, int] = {}
    left = np.array([codes.setdefault(value, len(codes)) for value in rows], dtype=np.int32)
    right = np.array([codes.setdefault(value, len(codes)) for value in columns], dtype=np.int32)
    is_equal: npt.NDArray[np.bool_] = left[:, None] == right[None, :]
    return is_equal


def _absent(
    rows: Sequence[str], columns: Sequence[str]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    left = np.array([not value for value in rows], dtype=bool)[:, None]
    right = np.array([not value for value in columns], dtype=bool)[None, :]
    return left, right


def _ja4(rows: list[Profile], columns: list[Profile]) -> Matrix:
    mine, theirs = [one.ja4_stable for one in rows], [one.ja4_stable for one in columns]
    is_same = _equal(mine, theirs)
    same_ciphers = _equal([ciphers_of(value) for value in mine], [ciphers_of(value) for value in theirs])
    left, right = _absent(mine, theirs)
    far = np.where(same_ciphers & ~left & ~right, SAME_CIPHERS, 1.0)
    return np.where(left & right, np.nan, np.where(is_same, 0.0, far)).astype(np.float32)


def _header_order(rows: list[Profile], columns: list[Profile]) -> Matrix:
    mine, theirs = [one.header_order or "" for one in rows], [one.header_order or "" for one in columns]
    left, right = _absent(mine, theirs)
    return np.where(left | right, np.nan, np.where(_equal(mine, theirs), 0.0, 1.0)).astype(np.float32)


def _network(rows: list[Profile], columns: list[Profile]) -> Matrix:
    is_same = _equal([one.network for one in rows], [one.network for one in columns])
    mine, theirs = [str(one.asn or "") for one in rows], [str(one.asn or "") for one in columns]
    left, right = _absent(mine, theirs)
    is_same_asn = _equal(mine, theirs) & ~left & ~right
    return np.where(is_same, 0.0, np.where(is_same_asn, SAME_ASN, 1.0)).astype(np.float32)


def _paths(rows: list[Profile], columns: list[Profile]) -> Matrix:
    left, right = _path_roots(rows), _path_roots(columns)
    likeness = left @ right.T
    asked = np.array([bool(one.paths) for one in rows]), np.array([bool(one.paths) for one in columns])
    is_absent = ~(asked[0][:, None] & asked[1][None, :])
    return np.where(is_absent, np.nan, 1.0 - np.clip(likeness, 0.0, 1.0)).astype(np.float32)


def _path_roots(profiles: list[Profile]) -> Matrix:
    """Square roots of the shares, so that a product of two rows is their Bhattacharyya coefficient."""
    shares = np.zeros((len(profiles), PATH_BUCKETS), dtype=np.float32)
    for row, profile in enumerate(profiles):
        for template, share in profile.paths.items():
            shares[row, path_bucket(template)] += share
    roots: Matrix = np.sqrt(shares)
    return roots


def _pace(rows: list[Profile], columns: list[Profile]) -> Matrix:
    left = np.array([one.pace for one in rows], dtype=np.float32)
    right = np.array([one.pace for one in columns], dtype=np.float32)
    total = np.zeros((len(rows), len(columns)), dtype=np.float32)
    observed = np.zeros_like(total)
    for number in range(left.shape[1]):
        difference = np.abs(left[:, number, None] - right[None, :, number])
        is_observed = ~np.isnan(difference)
        total += np.where(is_observed, difference, 0.0)
        observed += is_observed
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / observed
    apart: Matrix = np.minimum(mean * np.float32(PACE_CONTRAST), 1.0).astype(np.float32)
    return apart
