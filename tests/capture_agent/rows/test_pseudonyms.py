"""Pseudonyms of clients: the same everywhere under one key, and nothing to be read from them without it."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from capture_agent.correlate.correlator import unobserved_conn_id
from capture_agent.correlate.epochs import ConnectionKey
from capture_agent.events import Transport
from capture_agent.rows.pseudonyms import MAX_REMEMBERED_ADDRESSES, MAX_REMEMBERED_CONNECTIONS, Pseudonyms
from capture_agent.wire.address import parse_address

SECRET = bytes(range(100, 140))


@pytest.fixture
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(SECRET)


@pytest.mark.parametrize(
    "spelling", ["198.51.100.7", "::ffff:198.51.100.7", "::FFFF:C633:6407", "[::ffff:198.51.100.7]"]
)
def test_every_spelling_has_the_same_pseudonym_on_every_sensor(spelling: str) -> None:
    first, second = Pseudonyms(SECRET), Pseudonyms(bytes(SECRET))
    assert first.address(spelling) == second.address("198.51.100.7") != "198.51.100.7"
    assert first.key_name == second.key_name


def test_another_key_gives_other_pseudonyms(pseudonyms: Pseudonyms) -> None:
    other = Pseudonyms(SECRET + b"x")
    assert other.key_name != pseudonyms.key_name
    assert other.address("2001:db8::7") != pseudonyms.address("2001:db8::7")
    assert other.conn_id(7) != pseudonyms.conn_id(7)
    assert pseudonyms.key_name not in SECRET.hex()


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "127.0.0.1", "192.168.0.9", "169.254.1.1", "::1", "fe80::1", "fd00::7"]
)
def test_private_and_loopback_addresses_are_replaced_as_all_others(
    pseudonyms: Pseudonyms, address: str
) -> None:
    found = ip_address(pseudonyms.address(address))
    assert found != ip_address(address)
    kept = 16 if found.version == 4 else 32
    assert found in ip_network(f"{address}/{kept}", strict=False)


def test_networks_of_clients_stay_networks(pseudonyms: Pseudonyms) -> None:
    network = ip_network(pseudonyms.network("2001:db8:7:8::", 64))
    assert network.prefixlen == 64
    for host in ("2001:db8:7:8::1", "2001:db8:7:8:ffff::2"):
        assert ip_address(pseudonyms.address(host)) in network
    assert ip_address(pseudonyms.address("2001:db8:7:9::1")) not in network
    assert pseudonyms.origin(str(network.network_address), 64) == "2001:db8:7:8::/64"
    assert pseudonyms.network("198.51.100.77", 24).endswith(".0/24")
    assert pseudonyms.origin(pseudonyms.address("198.51.100.77")) == "198.51.100.77"
    with pytest.raises(ValueError, match="fewer bits"):
        pseudonyms.network("198.51.100.77", 33)


def test_forwarded_addresses_are_replaced_and_what_is_none_is_not_kept(pseudonyms: Pseudonyms) -> None:
    client = pseudonyms.address("198.51.100.7")
    client6 = pseudonyms.address("2001:db8::7")
    sent = {
        "198.51.100.7": client,
        "198.51.100.7:4711": client,
        "[2001:db8::7]:80": client6,
        "2001:db8::7": client6,
        "": "",
        "_198.51.100.7": "unknown",
        "a b": "unknown",
    }
    assert pseudonyms.forwarded(tuple(sent)) == tuple(sent.values())


def test_client_cannot_be_found_by_hashing_all_addresses_again(pseudonyms: Pseudonyms) -> None:
    """The id of a connection is a hash of what the row tells but for the client's address."""
    server = parse_address("203.0.113.9")
    hashes = {
        unobserved_conn_id(
            ConnectionKey(Transport.TCP, parse_address(f"198.51.100.{last}"), 40_000, server, 443), 5, 6
        )
        for last in range(256)
    }
    assert hashes.isdisjoint(map(pseudonyms.conn_id, hashes))
    assert len(set(map(pseudonyms.conn_id, hashes))) == 256
    assert all(0 <= pseudonyms.conn_id(one) < 1 << 64 for one in (0, 1, (1 << 64) - 1))


def test_what_is_remembered_is_bounded(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.address.cache_info().maxsize == MAX_REMEMBERED_ADDRESSES
    for number in range(MAX_REMEMBERED_CONNECTIONS + 1):
        pseudonyms.conn_id(number)
    assert pseudonyms.conn_id.cache_info().currsize == MAX_REMEMBERED_CONNECTIONS


def test_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes is too short"):
        Pseudonyms(bytes(range(31)))
