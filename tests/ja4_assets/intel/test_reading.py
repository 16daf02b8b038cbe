"""Files of the packages become rows, or are refused by the place at fault."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest

from ja4_assets.intel.asn_kind import asn_kind
from ja4_assets.intel.crawlers import read_ranges, read_user_agents
from ja4_assets.intel.networks import read_anonymisers, read_asn, read_cloud, read_country
from ja4_assets.intel.suffixes import read_suffixes


def test_ranges_become_the_prefixes_that_cover_them() -> None:
    lines = b'192.0.2.0,192.0.2.130,64500,"Example, Inc."\n2001:db8::,2001:db8::1,64501,Example University\n'
    tables = read_asn({"asn.csv": lines})
    assert tables["intel_networks"].select("prefix", "asn").rows() == [
        ("192.0.2.0/25", 64500),
        ("192.0.2.128/31", 64500),
        ("192.0.2.130/32", 64500),
        ("2001:db8::/127", 64501),
    ]
    assert tables["intel_autonomous_systems"].select("asn", "name", "kind").rows() == [
        (64500, "Example, Inc.", ""),
        (64501, "Example University", "education"),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"192.0.2.0,192.0.2.255\n", "line 1: 2 fields instead of 3"),
        (b"192.0.2.0,192.0.2.255,Germany\n", "'Germany' is no ISO"),
        (b"192.0.2.9,192.0.2.1,DE\n", "last IP address must be greater"),
        (b"nowhere,192.0.2.1,DE\n", "'nowhere' does not appear"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        read_country({"country.csv": content})


def test_regions_of_a_cloud_are_collapsed_into_the_provider() -> None:
    packed = msgspec.msgpack.encode(
        {
            "providers": ["aws", "gcp"],
            "ranges": [
                {"cidr": "192.0.2.0/25", "p": 0, "r": "a"},
                {"cidr": "192.0.2.128/25", "p": 0, "r": "b"},
                {"cidr": "2001:db8::/32", "p": 1},
            ],
        }
    )
    rows = read_cloud({"cloudip.msgpack.gz": gzip.compress(packed)})["intel_networks"]
    assert rows.select("prefix", "name").rows() == [("192.0.2.0/24", "aws"), ("2001:db8::/32", "gcp")]


def test_the_operator_s_list_names_tor_and_vpn_only() -> None:
    rows = read_anonymisers({"list.csv": b"192.0.2.1/32,tor\n198.51.100.0/24,vpn\n"})["intel_networks"]
    assert rows.select("prefix", "name").rows() == [("192.0.2.1/32", "tor"), ("198.51.100.0/24", "vpn")]
    with pytest.raises(ValueError, match="neither tor nor vpn"):
        read_anonymisers({"list.csv": b"192.0.2.1/32,bad\n"})


def test_crawler_ranges_carry_name_and_operator() -> None:
    found = {
        "sources": {"x": {"operator": "Example", "label": "Examplebot", "ipv4": ["192.0.2.0/24"], "ipv6": []}}
    }
    rows = read_ranges({"data.json": json.dumps(found).encode()})["intel_networks"]
    assert rows.select("prefix", "name", "operator").rows() == [("192.0.2.0/24", "Examplebot", "Example")]


def test_user_agent_patterns_lose_javascript_s_escapes() -> None:
    content = json.dumps([{"pattern": "Googlebot\\/", "tags": ["search-engine"]}]).encode()
    (row,) = read_user_agents({"crawlers.json": content})["intel_crawlers"].to_dicts()
    assert (row["pattern"], row["purpose"], row["is_ai"]) == ("Googlebot/", "search-engine", False)


def test_public_suffixes_keep_wildcards_and_exceptions() -> None:
    """The examples of the list's own format description."""
    content = b"// comment\ncom\n*.jp\n!pref.hokkaido.jp\n// ===BEGIN PRIVATE DOMAINS===\nblogspot.com // x\n"
    assert read_suffixes({"list.dat": content})["intel_public_suffixes"].rows() == [
        ("com", "suffix", False),
        ("jp", "wildcard", False),
        ("pref.hokkaido.jp", "exception", False),
        ("blogspot.com", "suffix", True),
    ]


def test_public_suffixes_are_spelled_as_a_host_header_spells_them() -> None:
    """公司.cn and its A-label from the list's own test vectors; the mark of an exception stays a mark."""
    content = "公司.cn\n*.みんな\n!www.みんな\n".encode()
    names = read_suffixes({"list.dat": content})["intel_public_suffixes"]["suffix"].to_list()
    assert names == ["xn--55qx5d.cn", "xn--q9jyb4c", "www.xn--q9jyb4c"]


@pytest.mark.parametrize(
    ("asn", "name", "kind"),
    [
        (16276, "OVH SAS", "hosting"),
        (24940, "Hetzner Online GmbH", "hosting"),
        (7922, "Comcast Cable Communications, LLC", "isp"),
        (3320, "Deutsche Telekom AG", "isp"),
        (21928, "T-Mobile USA, Inc.", "mobile"),
        (680, "Verein zur Foerderung eines Deutschen Forschungsnetzes e.V. DFN", "education"),
        (64500, "Example Bakery", ""),
    ],
)
def test_kind_of_network_from_number_and_name(asn: int, name: str, kind: str) -> None:
    assert asn_kind(asn, name) == kind
