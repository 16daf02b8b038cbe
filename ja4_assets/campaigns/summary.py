"""One sentence that tells an analyst what a campaign does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from ja4_assets.campaigns.profile import Profile

MAX_QUOTED = 60
"""Characters of a path or host that are quoted: a client chooses them."""

LEADING_SHARE = 0.5
"""A value that this share of the members has stands for all of them."""

ASN_KINDS = {"hosting": "hosting networks", "isp": "access networks", "mobile": "mobile networks"}


def summary_of(members: Sequence[Profile]) -> str:
    """Who, from where, after what, how; members must not be empty."""
    addresses = {one.key[0] for one in members}
    networks = {one.network for one in members}
    asns = {one.asn for one in members if one.asn}
    fingerprints = {one.ja4_stable for one in members if one.ja4_stable}
    families = Counter(one.ua_family for one in members)
    verb = "asks" if len(addresses) == 1 else "ask"
    who = f"{_count(len(addresses), 'address', 'addresses')} in {_where(len(networks), len(asns), members)}"
    parts = [
        f"{who} {verb} {_what(members)}",
        _how_fast(members),
        f"with {_tools(len(fingerprints))} under {_agents(families)}",
    ]
    return " ".join(part for part in parts if part) + "."


def _where(networks: int, asns: int, members: Sequence[Profile]) -> str:
    kind, share = _leading(one.asn_kind for one in members if one.asn_kind)
    kinds = f", mostly {ASN_KINDS.get(kind, f'{kind} networks')}" if kind and share >= LEADING_SHARE else ""
    if asns == 0:
        return _count(networks, "network", "networks")
    return f"{_count(networks, 'network', 'networks')} of {_count(asns, 'provider', 'providers')}{kinds},"


def _what(members: Sequence[Profile]) -> str:
    hosts = {one.key[2] for one in members}
    host = _quoted(next(iter(hosts))) if len(hosts) == 1 and hosts != {""} else ""
    on = f" on {host}" if host else (f" on {len(hosts)} hosts" if len(hosts) > 1 else "")
    weights: Counter[str] = Counter()
    for one in members:
        for template, share in one.paths.items():
            weights[template] += share  # type: ignore[assignment]
    if not weights:
        return f"for pages{on}"
    template, weight = min(weights.items(), key=lambda item: (-item[1], item[0]))
    share = weight / len(members)
    if share >= LEADING_SHARE:
        return f"mostly for {_quoted(template)}{on}"
    return f"for {_count(len(weights), 'kind of path', 'kinds of paths')}{on}, most often {_quoted(template)}"


def _how_fast(members: Sequence[Profile]) -> str:
    gaps = sorted(
        (one.last_ts - one.first_ts).total_seconds() / (one.requests - 1)
        for one in members
        if one.requests > 1
    )
    if not gaps:
        return "once each"
    return f"about every {_duration(gaps[len(gaps) // 2])} each"


def _tools(fingerprints: int) -> str:
    return _count(fingerprints, "fingerprint", "fingerprints") if fingerprints else "no TLS"


def _agents(families: Counter[str]) -> str:
    (family, count) = min(families.items(), key=lambda item: (-item[1], item[0]))
    name = f"the name of {_quoted(family)}" if family not in ("", "none", "other") else "no browser's name"
    return (
        name
        if len(families) == 1
        else f"{len(families)} names, most often {_quoted(family)}"
        if count
        else name
    )


def _leading(values: Iterable[str]) -> tuple[str, float]:
    counts = Counter(values)
    if not counts:
        return "", 0.0
    value, count = min(counts.items(), key=lambda item: (-item[1], item[0]))
    return value, count / counts.total()


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _quoted(text: str) -> str:
    """What a client chose, without control characters and not longer than a line can bear."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= MAX_QUOTED else clean[: MAX_QUOTED - 1] + "…"
