"""The checked-in extracts: readable, small, attributed, and enough for the sample."""

from __future__ import annotations

import random
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from ja4_assets.intel.catalogue import SOURCES, SOURCES_BY_NAME, Source
from ja4_assets.intel.fetch import DEFAULTS, fetch
from sample_traffic import addresses

WITH_DEFAULT = [source for source in SOURCES if source.default_published_on is not None]


@pytest.mark.parametrize("source", WITH_DEFAULT, ids=lambda source: source.name)
def test_every_default_is_read_by_its_source(source: Source) -> None:
    tables = source.read(fetch(source, "default").files)
    assert all(frame.height >= 50 for frame in tables.values())


def test_defaults_stay_small() -> None:
    assert sum(path.stat().st_size for path in DEFAULTS.rglob("*.xz")) < 400_000


def test_notice_names_everybody_whose_data_come_with_the_project(project_root: Path) -> None:
    notice = " ".join((project_root / "NOTICE").read_text().split())
    for source in WITH_DEFAULT:
        assert source.package in notice
        assert source.licence in notice
        assert source.attribution in notice


@pytest.mark.parametrize("name", ["asn", "country"])
def test_every_address_that_the_sample_may_invent_is_covered(name: str) -> None:
    source = SOURCES_BY_NAME[name]
    prefixes = source.read(fetch(source, "default").files)["intel_networks"]["prefix"]
    blocks = {ip_network(prefix) for prefix in prefixes}
    lengths = {4: set(), 6: set()}
    for block in blocks:
        lengths[block.version].add(block.prefixlen)
    rng, taken = random.Random(1), set()
    networks = [
        one
        for group in vars(addresses).values()
        if isinstance(group, tuple)
        for one in group
        if isinstance(one, addresses.Network)
    ]
    assert networks
    missed = []
    for network in networks:
        for _ in range(20):
            address = ip_address(addresses.invent_address(network, rng, taken))
            if not any(
                ip_network((address, bits), strict=False) in blocks for bits in lengths[address.version]
            ):
                missed.append((network.prefix, str(address)))
    # Parts of a network that nobody announces are in no list.
    assert len(missed) <= 0.05 * 20 * len(networks), missed[:10]
