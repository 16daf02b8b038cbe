"""What is remembered of a campaign, so that a later hour's group can be recognised as the same.

A signature holds shares: which fingerprints, header orders, networks and addresses its members had, what
they asked for, and their middling pace. It fades: each hour keeps `MEMORY` of what was, so a fingerprint of
yesterday still counts today, and what a campaign uses in turn adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np

from ja4_assets.campaigns.profile import PACE, Profile

MEMORY = 0.8
"""Share that an hour keeps of what was remembered: after a day of another tool 0.5 % of the old one is
left."""

PACE_MEMORY = 0.5
"""Of the pace, which changes with the tool and is one number, not a collection."""

MAX_VALUES = {"ja4s": 32, "header_orders": 32, "asns": 64, "addresses": 512, "paths": 64}
"""Values remembered of each kind, the largest shares first: what bounds a signature."""

LEAST_SHARE = 1e-3


class Signature(msgspec.Struct, frozen=True):
    """Value -> share, the shares of a kind adding up to 1 before they were cut; kept as JSON."""

    ja4s: dict[str, float]
    header_orders: dict[str, float]
    asns: dict[str, float]
    addresses: dict[str, float]
    paths: dict[str, float]
    pace: tuple[float | None, ...]


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
