"""The features of an entity hour that the model reads, in the order in which it reads them.

Source of each definition: `dbt_clickhouse/models/columns.md`. An entity is
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
    """Distinct things, a place, a time, or a quotient of such; 0 or more and long-tailed, so it enters the
    model as log1p."""
    FLAG = "flag"
    """1 if the claim holds for the entity, 0 if not."""
    RATIO = "ratio"
    """A score or quotient from 0 to 1 that is no share of requests."""
    SIGNED = "signed"
    """From -1 to 1; 0 is neutral."""
    DEVIATIONS = "deviations"
    """Distance from a median in median absolute deviations, of either sign."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One input of the model: a column of `fct_entity_hour`."""

    name: str
    unit: Unit
    label: str
    """What it means in the analyst's words, to stand before a value."""


FEATURES: tuple[Feature, ...] = (
    Feature("ja4_reqs_rank", Unit.COUNT, "place of this JA4 by requests, others' only"),
    Feature(
        "ja4_reqs_quantile", Unit.SHARE, "share of JA4 with no more requests than this one has from others"
    ),
    Feature("ja4_ips_rank", Unit.COUNT, "place of this JA4 by addresses, others' only"),
    Feature(
        "ja4_ips_quantile", Unit.SHARE, "share of JA4 with no more addresses than this one has otherwise"
    ),
    Feature("ja4_uas_rank", Unit.COUNT, "place of this JA4 by user agents, others' only"),
    Feature("ja4_paths_rank", Unit.COUNT, "place of this JA4 by paths, others' only"),
    Feature("ja4_browser_ratio", Unit.SHARE, "others' requests on this JA4 with a browser's user agent"),
    Feature("ja4_h2h3_ratio", Unit.SHARE, "others' requests on this JA4 over HTTP/2 or 3"),
    Feature("ja4_heuristic_ratio", Unit.SHARE, "others' requests on this JA4 that contradict themselves"),
    Feature("ja4_cache_ratio", Unit.SHARE, "others' requests on this JA4 for cacheable files"),
    Feature("ja4_surge", Unit.DEVIATIONS, "requests of this JA4 against the same hour of earlier weeks"),
    Feature("ua_ja4_bits", Unit.BITS, "surprise of this browser family on this JA4"),
    Feature("ua_ja4_known_mismatch", Unit.FLAG, "JA4 known to belong to another client"),
    Feature("alpn_proto_gap", Unit.SHARE, "HTTP/1 requests although the hello offered HTTP/2"),
    Feature("tls_floor_gap", Unit.FLAG, "TLS version below what the browser speaks"),
    Feature("grease_missing", Unit.FLAG, "Chromium user agent without GREASE"),
    Feature("pq_missing", Unit.FLAG, "browser version without its post-quantum group"),
    Feature("h2fp_ua_bits", Unit.BITS, "surprise of the HTTP/2 settings for this browser family"),
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
    Feature("cookie_return", Unit.SHARE, "requests after the first that send a cookie"),
    Feature("referer_valid", Unit.RATIO, "referers that were fetched before"),
    Feature("conditional_ratio", Unit.SHARE, "repeated requests that a cache made conditional"),
    Feature("ua_per_ja4ip", Unit.COUNT, "user agents of this address on this JA4"),
    Feature("iat_cv", Unit.COUNT, "variation of the gaps between requests"),
    Feature("burstiness", Unit.SIGNED, "burstiness of the requests, -1 a clock, 1 bursts"),
    Feature("beacon_ts", Unit.RATIO, "regularity of the gaps, 1 a beacon"),
    Feature("beacon_size", Unit.RATIO, "regularity of the response sizes, 1 a beacon"),
    Feature("lag1", Unit.SIGNED, "correlation of each gap with the one before"),
    Feature("mode_share", Unit.SHARE, "gaps in the commonest tenth of a second"),
    Feature("conc_max", Unit.COUNT, "connections in use at one time"),
    Feature("reqs_per_conn", Unit.COUNT, "requests per connection"),
    Feature("beacon_hist", Unit.RATIO, "evenness of the last 24 hours, 1 the same each hour"),
    Feature("beacon_dur", Unit.RATIO, "how much of the last 24 hours was covered"),
    Feature("path_entropy", Unit.RATIO, "variety of the paths, 0 one kind, 1 each another"),
    Feature("uniq_path_ratio", Unit.SHARE, "requests for a path not asked before"),
    Feature("enum_score", Unit.SHARE, "steps of the same size from number to number"),
    Feature("asset_ratio", Unit.COUNT, "images, scripts and styles per page"),
    Feature(
        "asset_complete", Unit.SHARE, "images, scripts and styles fetched of those that belong to the pages"
    ),
    Feature("err4xx_ratio", Unit.SHARE, "requests answered 4xx"),
    Feature("err5xx_ratio", Unit.SHARE, "requests answered 5xx"),
    Feature("sensitive_hits", Unit.SHARE, "requests for secrets and administration"),
    Feature("robots_fetched", Unit.FLAG, "robots.txt was read"),
)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A column of `fct_entity_hour` that is a feature and that the model does not read."""

    feature: Feature
    reason: str
    """What in the lab's building, and not in the traffic, makes it differ between people and bots."""


LEFT_OUT: tuple[LeftOut, ...] = (
    LeftOut(
        Feature("ja4_asn_entropy", Unit.BITS, "spread of this JA4 over networks, others' only"),
        "the networks of people and bots were drawn, in shares that differ",
    ),
    LeftOut(
        Feature("ja4_age_days", Unit.COUNT, "days since this JA4 was first seen"),
        "a recording is a day long, so that the age of a fingerprint is the time of day",
    ),
    LeftOut(
        Feature("ttl_os_mismatch", Unit.SHARE, "packets' TTL of another operating system"),
        "bots keep Linux's packets whatever they say, people's were rebuilt for the system they name",
    ),
    LeftOut(
        Feature("tcpsig_os_bits", Unit.BITS, "surprise of the TCP stack for the operating system named"),
        "as ttl_os_mismatch",
    ),
    LeftOut(
        Feature("mss_tunnel", Unit.SHARE, "segment size of a tunnel"),
        "everybody recorded has an MSS of 1460, only amplified people have tunnels",
    ),
    LeftOut(
        Feature("lang_geo_mismatch", Unit.SHARE, "first language not spoken in the country of the address"),
        "recorded people's languages were drawn without regard to their address",
    ),
    LeftOut(
        Feature("hello_to_req_ms", Unit.COUNT, "milliseconds from hello to first request"),
        "round trips were drawn by kind of network",
    ),
    LeftOut(
        Feature("night_share", Unit.SIGNED, "requests in the local night, more than others'"),
        "recorded people do not sleep, amplified ones do",
    ),
    LeftOut(
        Feature("sync_peers", Unit.COUNT, "other addresses in step with it, same paths and minutes"),
        "who overlaps with whom in time is the lab's schedule: in lab-1 12 % of people's hours have peers and"
        " none of a swarm's; the forest's average precision is 0.877 with it and without it (three seeds)",
    ),
)
"""Features that would measure how the traffic lab is built: figures would gain by them what no other site
would see. Rules may read them, since a rule can be argued with. `bench/detection.py` shows which traits of
the lab tell its bots from its people."""

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
COUNT_FEATURES: tuple[str, ...] = tuple(f.name for f in FEATURES if f.unit is Unit.COUNT)
MART_FEATURES: tuple[Feature, ...] = (*FEATURES, *(one.feature for one in LEFT_OUT))
"""All features that the mart has, in no order that matters."""
LABELS: dict[str, str] = {feature.name: feature.label for feature in MART_FEATURES}
