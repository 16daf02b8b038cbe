"""Versions in the database: switched to whole, kept when a refresh fails, dropped when old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ja4_assets.intel.catalogue import SOURCES_BY_NAME
from ja4_assets.intel.fetch import Fetched, FetchError, fetch
from ja4_assets.intel.store import activate, maybe_active
from ja4_assets.resources.clickhouse import ClickHouseResource

COUNTRY = replace(SOURCES_BY_NAME["country"], smallest=1)
TODAY = datetime.now(UTC).date()


def version(country: str, published_on: date = TODAY) -> Fetched:
    line = f"192.0.2.0,192.0.2.255,{country}\n"
    return Fetched({"asn-country-ipv4.csv": line.encode()}, "test", published_on)


def country_of(database: ClickHouseResource, address: str) -> str:
    country = "dictGet(currentDatabase() || '.intel_country', 'country', toIPv6({address:String}))"
    return str(database.read(f"select {country} as country", {"address": address}).item())


def test_a_version_is_looked_up_as_soon_as_it_is_active(database: ClickHouseResource) -> None:
    assert maybe_active(database, COUNTRY) is None
    activate(database, COUNTRY, version("DE"))
    assert country_of(database, "192.0.2.7") == "DE"
    assert country_of(database, "198.51.100.7") == ""
    activate(database, COUNTRY, version("FR"))
    assert country_of(database, "192.0.2.7") == "FR"


def test_the_same_files_again_change_nothing(database: ClickHouseResource) -> None:
    first = activate(database, COUNTRY, version("DE"))
    assert activate(database, COUNTRY, version("DE")).version == first.version
    assert database.read("select count() as n from intel_networks").item() == 1
    assert database.read("select count() as n from intel_sources").item() == 1


def test_two_versions_are_kept(database: ClickHouseResource) -> None:
    for country in ("DE", "FR", "IT", "ES"):
        activate(database, COUNTRY, version(country))
    kept = database.read("select distinct toString(country) as country from intel_networks order by country")
    assert kept["country"].to_list() == ["ES", "IT"]


def test_a_bad_or_short_file_leaves_the_last_good_version(database: ClickHouseResource) -> None:
    good = activate(database, COUNTRY, version("DE"))
    with pytest.raises(ValueError, match="no ISO"):
        activate(database, COUNTRY, version("Germany"))
    with pytest.raises(ValueError, match="fewer than the 5"):
        activate(database, replace(COUNTRY, smallest=5), version("FR"))
    active = maybe_active(database, COUNTRY)
    assert active is not None
    assert active.version == good.version
    assert country_of(database, "192.0.2.7") == "DE"


def test_only_https_files_and_folders_are_fetched(tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="only https"):
        fetch(COUNTRY, "http://192.0.2.1/list.csv")
    with pytest.raises(FetchError, match="No such file"):
        fetch(COUNTRY, str(tmp_path / "absent"))
    with pytest.raises(FetchError, match="no default"):
        fetch(SOURCES_BY_NAME["anonymisers"], "default")
    one = tmp_path / "asn-country-ipv4.csv"
    one.write_text("192.0.2.0,192.0.2.255,DE\n")
    assert fetch(COUNTRY, str(one)).files == {one.name: one.read_bytes()}
