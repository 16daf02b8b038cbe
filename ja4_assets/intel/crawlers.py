"""Crawlers: their published ranges, the AI crawlers among them, and what their user agents say."""

from __future__ import annotations

import re
from ipaddress import ip_network

import msgspec
import polars as pl

from ja4_assets.intel.networks import network_frame

CRAWLERS = {
    "pattern": pl.String,
    "name": pl.String,
    "operator": pl.String,
    "purpose": pl.String,
    "is_ai": pl.Boolean,
}


class _RangeSource(msgspec.Struct):
    operator: str
    label: str
    ipv4: list[str]
    ipv6: list[str]


class _RangeFile(msgspec.Struct):
    sources: dict[str, _RangeSource]


def read_ranges(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """Published prefixes by crawler; a prefix that several share keeps the first. Raises ValueError."""
    (content,) = files.values()
    found = msgspec.json.decode(content, type=_RangeFile)
    rows = [
        (str(ip_network(prefix, strict=False)), 0, "", one.label, one.operator)
        for one in found.sources.values()
        for prefix in (*one.ipv4, *one.ipv6)
    ]
    return {"intel_networks": network_frame(rows)}


class _Agent(msgspec.Struct):
    ua: str
    name: str
    operator: str
    category: str


class _AgentFile(msgspec.Struct):
    crawlers: list[_Agent]
    ai_categories: list[str]


def read_ai_crawlers(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """The AI Crawler Index: one row per crawler, its token as a literal pattern. Raises ValueError."""
    (content,) = files.values()
    found = msgspec.json.decode(content, type=_AgentFile)
    rows = [
        (re.escape(one.ua), one.name, one.operator, one.category, one.category in found.ai_categories)
        for one in found.crawlers
    ]
    return {"intel_crawlers": pl.DataFrame(rows, schema=CRAWLERS, orient="row")}


class _UserAgent(msgspec.Struct):
    pattern: str
    tags: list[str] = []


def read_user_agents(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """crawler-user-agents: one row per pattern; the first tag is the purpose. Raises ValueError."""
    (content,) = files.values()
    rows = [
        (
            one.pattern.replace("\\/", "/"),
            re.sub(r"[^\w .-]", "", one.pattern.replace("\\/", "")),
            "",
            one.tags[0] if one.tags else "",
            "ai-crawler" in one.tags,
        )
        for one in msgspec.json.decode(content, type=list[_UserAgent])
    ]
    return {"intel_crawlers": pl.DataFrame(rows, schema=CRAWLERS, orient="row")}
