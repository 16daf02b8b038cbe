"""The features of an entity hour that the model reads, in the order in which it reads them.

Source of each definition: `dbt_clickhouse/models/marts/fct_entity_hour.yml`. An entity is
(client_ip, ja4_stable, host) within one hour. Null means unobserved or not applicable, never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Unit(StrEnum):
    """What a feature counts; decides how it is scaled and how it is shown."""

    SHARE = "share"
    """Share of the entity's requests or hellos, 0 to 1."""
    BITS = "bits"
    """Surprise: -log2 of a smoothed conditional probability, 0 or more."""
    COUNT = "count"
    """Distinct things, or a ratio of two counts; long-tailed, so it enters the model as log1p."""
    FLAG = "flag"
    """1 if the claim holds for the entity, 0 if not."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model: a column of `fct_entity_hour`."""

    name: str
    unit: Unit
    label: str
    """What it means in the analyst's words, to stand before a value."""


FEATURES: tuple[Feature, ...] = (
    Feature("ua_ja4_bits", Unit.BITS, "surprise of this browser family on this JA4"),
    Feature("ua_ja4_known_mismatch", Unit.FLAG, "JA4 known to belong to another client"),
    Feature("alpn_proto_gap", Unit.SHARE, "HTTP/1 requests although the hello offered HTTP/2"),
    Feature("tls_floor_gap", Unit.FLAG, "TLS version below what the browser speaks"),
    Feature("grease_missing", Unit.FLAG, "Chromium user agent without GREASE"),
    Feature("pq_missing", Unit.FLAG, "browser version without its post-quantum group"),
    Feature("ttl_os_mismatch", Unit.SHARE, "packets' TTL of another operating system"),
    Feature("mss_tunnel", Unit.SHARE, "segment size of a tunnel"),
    Feature("sni_host_mismatch", Unit.SHARE, "requests for a host other than the SNI"),
    Feature("ja4_per_ip", Unit.COUNT, "different JA4 from this address"),
    Feature("ja4_exact_per_stable", Unit.COUNT, "exact JA4 per stable JA4"),
    Feature("resumption_ratio", Unit.SHARE, "hellos that resume a session"),
    Feature("hdr_order_bits", Unit.BITS, "surprise of the header order for this browser family"),
    Feature("hdr_orders", Unit.COUNT, "different header orders"),
    Feature("hdr_required_missing", Unit.SHARE, "requests without a header every browser sends"),
    Feature("hdr_case_odd", Unit.SHARE, "requests with header names in unusual case"),
    Feature("secfetch_missing", Unit.SHARE, "requests without Sec-Fetch headers"),
    Feature("secfetch_incoherent", Unit.SHARE, "impossible Sec-Fetch combinations"),
    Feature("ch_ua_mismatch", Unit.SHARE, "client hints that contradict the user agent"),
    Feature("ch_platform_mismatch", Unit.SHARE, "platform hint that contradicts the user agent"),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
COUNT_FEATURES: tuple[str, ...] = tuple(f.name for f in FEATURES if f.unit is Unit.COUNT)
LABELS: dict[str, str] = {feature.name: feature.label for feature in FEATURES}
