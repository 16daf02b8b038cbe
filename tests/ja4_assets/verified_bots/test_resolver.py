"""The real resolver against a name server that answers what a test says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_address

import dns.message
import dns.rcode
import dns.rrset
import pytest

from ja4_assets.verified_bots.resolver import DnsResolver, ResolverUnavailable

RECORDS = {
    ("1.66.249.66.in-addr.arpa.", "PTR"): "Crawl-66-249-66-1.GOOGLEBOT.com.",
    ("crawl-66-249-66-1.googlebot.com.", "A"): "66.249.66.1",
    ("6.googlebot.com.", "AAAA"): "2001:4860:4801:10::1",
}


@pytest.fixture
def name_server() -> Iterator[int]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.1)
        is_over = threading.Event()

        def serve() -> None:
            while not is_over.is_set():
                try:
                    data, peer = server.recvfrom(512)
                except TimeoutError:
                    continue
                query = dns.message.from_wire(data)
                (question,) = query.question
                kind = dns.rdatatype.to_text(question.rdtype)
                answer = dns.message.make_response(query)
                value = RECORDS.get((question.name.to_text().lower(), kind))
                if question.name.to_text().startswith("9."):
                    answer.set_rcode(dns.rcode.SERVFAIL)
                elif value is not None:
                    answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, value))
                elif not any(question.name.to_text().lower() == name for name, _ in RECORDS):
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                server.sendto(answer.to_wire(), peer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        is_over.set()
        thread.join(timeout=5)


def test_names_and_addresses_are_as_the_zone_has_them(name_server: int) -> None:
    resolver = DnsResolver(("127.0.0.1",), name_server)
    assert resolver.names_of(ip_address("66.249.66.1")) == ("crawl-66-249-66-1.googlebot.com",)
    assert resolver.addresses_of("crawl-66-249-66-1.googlebot.com") == ("66.249.66.1",)
    assert resolver.addresses_of("6.googlebot.com") == ("2001:4860:4801:10::1",)
    assert resolver.names_of(ip_address("198.51.100.7")) == ()
    assert resolver.addresses_of("absent.test") == ()


def test_a_server_that_fails_says_nothing(name_server: int) -> None:
    with pytest.raises(ResolverUnavailable, match="PTR of 9"):
        DnsResolver(("127.0.0.1",), name_server).names_of(ip_address("192.0.2.9"))
