"""Features in words: what each measures, and a sentence for its value against the population's.

Names are the columns of `fct_entity_hour`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureWords:
    """How one feature is spoken of. `unit` is `share` (0..1), `bits`, `count`, `ms`, `days` or `flag`."""

    label: str
    unit: str
    meaning: str


FEATURES: dict[str, FeatureWords] = {
    "ua_ja4_bits": FeatureWords(
        "User agent is rare for this hello",
        "bits",
        "surprise of the claimed browser family given the handshake",
    ),
    "ua_ja4_known_mismatch": FeatureWords(
        "Handshake belongs to another client",
        "share",
        "requests whose user agent names another family than the reference for this fingerprint",
    ),
    "alpn_proto_gap": FeatureWords(
        "Offers HTTP/2, speaks HTTP/1", "share", "requests over HTTP/1.x although the handshake offered h2"
    ),
    "tls_floor_gap": FeatureWords(
        "Browser claim, but no TLS 1.3",
        "share",
        "requests whose claimed browser always offers TLS 1.3, and this hello does not",
    ),
    "grease_missing": FeatureWords(
        "Chromium claim without GREASE",
        "share",
        "requests that claim Chromium, whose hellos over TCP carry GREASE",
    ),
    "pq_missing": FeatureWords(
        "Recent browser without post-quantum group",
        "share",
        "requests whose claimed version offers X25519MLKEM768, and this hello does not",
    ),
    "ttl_os_mismatch": FeatureWords(
        "TTL fits another system",
        "share",
        "requests whose SYN's TTL class contradicts the claimed operating system",
    ),
    "mss_tunnel": FeatureWords(
        "Small segment size: tunnel", "share", "connections with a segment size that tunnels leave"
    ),
    "sni_host_mismatch": FeatureWords(
        "SNI differs from Host", "share", "requests for another host than the handshake named"
    ),
    "ja4_per_ip": FeatureWords(
        "Handshakes from one address", "count", "distinct fingerprints used by the address in the hour"
    ),
    "ja4_exact_per_stable": FeatureWords(
        "Variants of the handshake",
        "count",
        "exact fingerprints per stable fingerprint; 1 over many connections means it never resumes",
    ),
    "resumption_ratio": FeatureWords(
        "Session resumption", "share", "hellos after the first that resume a session"
    ),
    "hdr_order_bits": FeatureWords(
        "Header order is rare", "bits", "surprise of the header order given the claimed browser and protocol"
    ),
    "hdr_orders": FeatureWords("Header orders", "count", "distinct orders of header names"),
    "hdr_required_missing": FeatureWords(
        "Browser headers missing", "share", "browser requests without Accept-Language or Accept-Encoding"
    ),
    "hdr_case_odd": FeatureWords(
        "Header case is not a browser's", "share", "HTTP/1.1 requests whose header names no browser spells so"
    ),
    "secfetch_missing": FeatureWords(
        "Sec-Fetch headers missing", "share", "browser requests without Sec-Fetch headers"
    ),
    "secfetch_incoherent": FeatureWords(
        "Sec-Fetch headers impossible",
        "share",
        "requests with a combination of Sec-Fetch values that no browser sends",
    ),
    "ch_ua_mismatch": FeatureWords(
        "Client hints contradict the user agent",
        "share",
        "requests whose Sec-CH-UA names another brand or version",
    ),
    "ch_platform_mismatch": FeatureWords(
        "Client hints name another platform",
        "share",
        "requests whose Sec-CH-UA-Platform contradicts the user agent",
    ),
    "ja4_reqs_rank": FeatureWords(
        "Fingerprint's place by requests",
        "count",
        "place of the fingerprint among those of the hour by requests of other clients, 1 the most",
    ),
    "ja4_reqs_quantile": FeatureWords(
        "Fingerprint is widely used",
        "share",
        "fingerprints of the hour with no more requests than this one has from other clients",
    ),
    "ja4_ips_rank": FeatureWords(
        "Fingerprint's place by clients",
        "count",
        "place of the fingerprint among those of the hour by other clients, 1 the most",
    ),
    "ja4_ips_quantile": FeatureWords(
        "Fingerprint has many clients",
        "share",
        "fingerprints of the hour with no more clients than this one has otherwise",
    ),
    "ja4_uas_rank": FeatureWords(
        "Fingerprint's place by user agents",
        "count",
        "place of the fingerprint by user agents of other clients",
    ),
    "ja4_paths_rank": FeatureWords(
        "Fingerprint's place by paths",
        "count",
        "place of the fingerprint by paths that other clients ask for",
    ),
    "ja4_browser_ratio": FeatureWords(
        "Fingerprint is used by browsers",
        "share",
        "requests of other clients with this fingerprint that name a browser",
    ),
    "ja4_h2h3_ratio": FeatureWords(
        "Fingerprint speaks HTTP/2 or 3",
        "share",
        "requests of other clients with this fingerprint over HTTP/2 or HTTP/3",
    ),
    "ja4_heuristic_ratio": FeatureWords(
        "Fingerprint contradicts itself",
        "share",
        "requests of other clients with this fingerprint that contradict themselves",
    ),
    "ja4_cache_ratio": FeatureWords(
        "Fingerprint fetches files",
        "share",
        "requests of other clients with this fingerprint for cacheable files",
    ),
    "ja4_asn_entropy": FeatureWords(
        "Fingerprint's spread over networks",
        "bits",
        "spread of other clients with this fingerprint over networks",
    ),
    "ja4_age_days": FeatureWords(
        "Age of the fingerprint", "days", "days since the fingerprint was first seen here"
    ),
    "ja4_surge": FeatureWords(
        "Fingerprint surges",
        "count",
        "requests of other clients against the same hour of earlier weeks, in deviations",
    ),
    "h2fp_ua_bits": FeatureWords(
        "HTTP/2 settings are rare", "bits", "surprise of the HTTP/2 settings given the claimed browser"
    ),
    "tcpsig_os_bits": FeatureWords(
        "TCP stack is rare", "bits", "surprise of the TCP stack given the claimed operating system"
    ),
    "lang_geo_mismatch": FeatureWords(
        "Language is foreign to the country",
        "share",
        "requests whose first language is not spoken in the country of the address",
    ),
    "cookie_return": FeatureWords(
        "Cookies are sent back", "share", "requests after the first that send a cookie"
    ),
    "referer_valid": FeatureWords(
        "Referers were visited", "share", "Referers that the client really fetched before"
    ),
    "conditional_ratio": FeatureWords(
        "Caches as browsers do", "share", "repeated requests that ask only whether something changed"
    ),
    "ua_per_ja4ip": FeatureWords(
        "User agents under one handshake",
        "count",
        "distinct user agents of the address under this fingerprint",
    ),
    "iat_cv": FeatureWords(
        "Variation of pauses", "count", "variation of the pauses between requests; 0 is a clock"
    ),
    "burstiness": FeatureWords("Burstiness", "count", "-1 is a clock, 0 is chance, 1 is bursts"),
    "beacon_ts": FeatureWords(
        "Pauses are regular", "count", "regularity of the pauses between requests, 1 is a beacon"
    ),
    "beacon_size": FeatureWords(
        "Responses are regular", "count", "regularity of the response sizes, 1 is a beacon"
    ),
    "lag1": FeatureWords("Pauses follow a pattern", "count", "correlation of each pause with the one before"),
    "mode_share": FeatureWords(
        "Equal pauses", "share", "pauses that fall into the commonest tenth of a second"
    ),
    "conc_max": FeatureWords("Parallel connections", "count", "most connections in use at one time"),
    "reqs_per_conn": FeatureWords("Requests per connection", "count", "requests that one connection carries"),
    "hello_to_req_ms": FeatureWords(
        "Hello to first request", "ms", "milliseconds from the handshake to the first request"
    ),
    "beacon_hist": FeatureWords(
        "Hours are alike", "count", "evenness of the requests over 24 hours, 1 is the same every hour"
    ),
    "beacon_dur": FeatureWords(
        "Active around the clock", "share", "how much of the last 24 hours the client was active"
    ),
    "night_share": FeatureWords(
        "Active at local night", "count", "share of requests in the local night, above that of other clients"
    ),
    "sync_peers": FeatureWords(
        "In step with others",
        "count",
        "other addresses that ask for the same kinds of pages in the same minutes",
    ),
    "path_entropy": FeatureWords(
        "Variety of paths", "count", "variety of the kinds of path, 0 is one kind, 1 each another"
    ),
    "uniq_path_ratio": FeatureWords(
        "Never the same path twice", "share", "requests for a path not asked for before"
    ),
    "enum_score": FeatureWords(
        "Counts through numbers",
        "share",
        "steps from one number in the path to the next that have the same size",
    ),
    "asset_ratio": FeatureWords("Files per page", "count", "images, scripts and style sheets per page"),
    "asset_complete": FeatureWords(
        "Loads what pages need", "share", "files fetched of those that browsers fetch with these pages"
    ),
    "err4xx_ratio": FeatureWords(
        "Refused requests", "share", "requests answered with an error of the client"
    ),
    "err5xx_ratio": FeatureWords(
        "Failing requests", "share", "requests answered with an error of the server"
    ),
    "sensitive_hits": FeatureWords("Looks for secrets", "share", "requests for secrets and administration"),
    "h2_ua_mismatch": FeatureWords(
        "HTTP/2 of another engine",
        "share",
        "requests whose connection opened HTTP/2 in a way that the claimed browser's engine does not",
    ),
    "tcp_os_mismatch": FeatureWords(
        "SYN of another system", "share", "requests whose SYN is not that of the claimed operating system"
    ),
    "ch_missing": FeatureWords(
        "Client hints missing",
        "share",
        "requests whose claimed version sends Sec-CH-UA over HTTPS, and it is absent",
    ),
    "ch_brand_false": FeatureWords(
        "Placeholder brand of another version",
        "share",
        "requests whose Sec-CH-UA holds a placeholder brand that the named Chromium does not make",
    ),
    "encoding_poor": FeatureWords(
        "Compression no browser asks for",
        "share",
        "requests over HTTPS without br in Accept-Encoding, which the claimed browser sends",
    ),
    "http10_share": FeatureWords(
        "Browser claim over HTTP/1.0", "share", "requests over HTTP/1.0, which no browser speaks"
    ),
    "page_gap_cv": FeatureWords(
        "Pauses between pages vary",
        "count",
        "deviation of the pauses between pages over their mean, 0 if each is as long as the next",
    ),
    "robots_fetched": FeatureWords("Read robots.txt", "flag", "whether robots.txt was asked for"),
}


def feature_label(name: str) -> str:
    """Short label; the column's own name for a feature that has no words yet."""
    words = FEATURES.get(name)
    return words.label if words else name


def feature_value(name: str, value: float | None) -> str:
    """A value with its unit; `not observed` for None."""
    if value is None:
        return "not observed"
    words = FEATURES.get(name)
    unit = words.unit if words else ""
    if unit == "share":
        return f"{value * 100:.0f} %"
    if unit == "bits":
        return f"{value:.1f} bits"
    if unit in ("ms", "days"):
        return f"{value:.1f} {unit}"
    return f"{value:.2f}".rstrip("0").rstrip(".")


def feature_sentence(name: str, value: float | None, norm: float | None) -> str:
    """The value against the norm, in one sentence."""
    words = FEATURES.get(name)
    meaning = words.meaning if words else name
    if value is None:
        return f"Could not be observed here, which the model found unusual; it is about {meaning}."
    usual = f"typical in training: {feature_value(name, norm)}" if norm is not None else "no norm in training"
    return f"{feature_value(name, value)} – {meaning}; {usual}."
