"""What kind of network an autonomous system is, judged by its name and, for the largest, by its number.

A heuristic: no free data set says it. It is context for analysts and rules, not an input of the model.
"""

from __future__ import annotations

import re

HOSTING_NUMBERS = frozenset(
    (
        8075, 8560, 9009, 12876, 13335, 14061, 14618, 15169, 16276, 16509, 19871, 20473, 22612, 24940, 26347,
        29802, 31898, 36351, 36352, 37963, 40021, 45102, 46606, 47583, 49981, 51167, 53667, 54113, 55286,
        60068, 60781, 62567, 63949, 132203, 197540, 200019, 202053, 212238, 213230, 396982, 398101,
    )
)  # fmt: skip
"""Clouds and hosters whose names do not say so; numbers as registered with the regional registries."""

MOBILE_NUMBERS = frozenset((21928, 22394, 20057, 6167, 12430, 15557, 25135, 31334, 23693, 45609))

EDUCATION = re.compile(
    r"universit|college|\bschool|academ|research|educat|hochschule|\b(?:janet|renater|garr|rediris|surf(?:net)?"
    r"|dfn|internet2|switch|geant|cern)\b|institut(?:e|o) of tech",
    re.IGNORECASE,
)
MOBILE = re.compile(
    r"mobil|cellular|wireless|\b(?:lte|gsm|umts|4g|5g)\b|t-mobile|telefonica o2", re.IGNORECASE
)
HOSTING = re.compile(
    r"host(?:ing|er|s)?\b|cloud|data ?cent|server|\bvps\b|colo(?:cation|\b)|\bcdn\b|amazon|google|microsoft"
    r"|oracle|alibaba|tencent|digitalocean|hetzner|\bovh\b|linode|akamai|fastly|leaseweb|contabo|datacamp|m247",
    re.IGNORECASE,
)
ISP = re.compile(
    r"telecom|telekom|telefon|broadband|cable|fiber|fibre|communicat|\bnet(?:work|com)?s?\b|internet|\bisp\b|\bdsl\b"
    r"|comcast|vodafone|verizon|charter|at&t|orange|free sas|bouygues|british tele|sky uk|virgin|liberty"
    r"|kpn|ziggo|proximus",
    re.IGNORECASE,
)


def asn_kind(asn: int, name: str) -> str:
    """hosting, mobile, education, isp, or '' where neither number nor name tells."""
    if asn in HOSTING_NUMBERS:
        return "hosting"
    if asn in MOBILE_NUMBERS:
        return "mobile"
    for kind, pattern in (("education", EDUCATION), ("hosting", HOSTING), ("mobile", MOBILE), ("isp", ISP)):
        if pattern.search(name):
            return kind
    return ""
