"""Kinds of traffic within which one entity hour can stand for another.

A p-value says how many entity hours of ordinary traffic are as strange. Scripts are stranger than browsers,
and there are fewer of them: held against browsers, every script would be an alarm, and held against all
traffic, the promise would be kept for browsers at the expense of scripts or the other way round. So each
class has its own calibration (a Mondrian conformal predictor, Vovk et al. 2003).
"""

from __future__ import annotations

from enum import StrEnum

from ja4_assets.features.frame import IN_SAMPLE
from ja4_assets.rules.policy import PEOPLES_BROWSERS


class TrafficClass(StrEnum):
    """What an entity hour says it is and how it came; the values of `bot_scores.traffic_class`, with
    MERGED."""

    BROWSER_TCP = "browser_tcp"
    """A user agent of a browser that people use, on a desktop, over TCP."""
    BROWSER_QUIC = "browser_quic"
    """The same over QUIC."""
    MOBILE = "mobile"
    """A browser or web view of a phone or tablet."""
    TOOL = "tool"
    """Everything that does not call itself a browser: crawlers, feed readers, libraries, no user agent."""


MERGED = "merged"
"""Classes too small to have a calibration of their own, taken together."""

CLASSES_OF_ENTITY_HOURS = (
    """
select
    toDateTime64(entity.hour, 6, 'UTC') as hour,
    toString(entity.client_ip) as client_ip,
    toString(entity.ja4_stable) as ja4_stable,
    toString(entity.host) as host,
    multiIf(
        entity.ua_family not in {browsers:Array(String)}, 'tool',
        match(entity.user_agent, 'Mobile|Android|iPhone|iPad'), 'mobile',
        startsWith(entity.ja4_stable, 'q'), 'browser_quic',
        'browser_tcp'
    ) as traffic_class
from fct_entity_hour as entity
where
    entity.is_sufficient
    and entity.hour >= {start:DateTime64(6, 'UTC')}
    and entity.hour < {end:DateTime64(6, 'UTC')}
    and """
    + IN_SAMPLE
)
"""Grain: (hour, client_ip, ja4_stable, host), in no order, the sample of `features.frame`. A JA4 of QUIC
starts with q (JA4's specification, JA4_a)."""

CLASS_PARAMETERS: dict[str, object] = {"browsers": list(PEOPLES_BROWSERS)}
