"""Features in words: what each measures, and a sentence for its value against the population's.

Names are the columns of `fct_entity_hour`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureWords:
    """How one feature is spoken of. `unit` is `share` (0..1), `bits`, `count` or `flag` (0 or 1)."""

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
        "requests that claim Chromium, whose hellos always carry GREASE",
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
    return f"{value:.2f}".rstrip("0").rstrip(".")


def feature_sentence(name: str, value: float | None, norm: float | None) -> str:
    """The value against the norm, in one sentence."""
    words = FEATURES.get(name)
    meaning = words.meaning if words else name
    if value is None:
        return f"Could not be observed here, which the model found unusual; it is about {meaning}."
    usual = f"typical in training: {feature_value(name, norm)}" if norm is not None else "no norm in training"
    return f"{feature_value(name, value)} – {meaning}; {usual}."
