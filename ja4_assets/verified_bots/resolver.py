"""Reverse and forward DNS behind a Protocol, so that an installation without any works and tests need
none."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Protocol

import dns.exception
import dns.resolver
import dns.reversename

IpAddress = IPv4Address | IPv6Address

QUERY_LIFETIME_S = 2.0
"""For all tries of one question: an hour's check of some hundred addresses must end within minutes."""
MAX_NAMES = 8
"""Names of one address that are looked at; who answers for the reverse zone may invent any number."""


class ResolverUnavailable(RuntimeError):  # noqa: N818 - not an error of the caller
    """The question was not answered: no name server, a timeout, a refusal. It says nothing about the
    client."""


class Resolver(Protocol):
    """Answers as the DNS has them; an empty tuple where it has none."""

    def names_of(self, address: IpAddress) -> tuple[str, ...]:
        """PTR records, lower case, without the final dot; raises ResolverUnavailable."""

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """A and AAAA records as canonical text; raises ResolverUnavailable."""


class DnsResolver:
    """The name servers of this machine, or those given, asked with dnspython."""

    def __init__(self, servers: tuple[str, ...] = (), port: int = 53) -> None:
        """`servers`: addresses to ask instead of the machine's own. Raises ResolverUnavailable without
        any."""
        try:
            self._dns = dns.resolver.Resolver(configure=not servers)
        except dns.resolver.NoResolverConfiguration as error:
            raise ResolverUnavailable("this machine names no resolver") from error
        if servers:
            self._dns.nameservers = list(servers)
            self._dns.port = port
        self._dns.lifetime = QUERY_LIFETIME_S

    def names_of(self, address: IpAddress) -> tuple[str, ...]:
        """As the Protocol says."""
        name = dns.reversename.from_address(str(address)).to_text()
        return tuple(text.rstrip(".").lower() for text in self._ask(name, "PTR")[:MAX_NAMES])

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """As the Protocol says."""
        return (*self._ask(name, "A"), *self._ask(name, "AAAA"))

    def _ask(self, name: str, record: str) -> tuple[str, ...]:
        try:
            answer = self._dns.resolve(name, record, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return ()
        except dns.exception.DNSException as error:
            raise ResolverUnavailable(f"{record} of {name}: {error}") from error
        return tuple(item.to_text() for item in answer)


@dataclass(slots=True)
class CachedResolver:
    """Another resolver's answers for a while; what it could not answer is asked again next time."""

    source: Resolver
    clock: Callable[[], float]
    """Seconds, monotonic."""
    time_to_live: timedelta = timedelta(hours=1)
    size: int = 10_000
    """Answers held; the oldest goes first."""
    _held: OrderedDict[tuple[str, str], tuple[float, tuple[str, ...]]] = field(default_factory=OrderedDict)

    def names_of(self, address: IpAddress) -> tuple[str, ...]:
        """As the Protocol says."""
        return self._answer(("names", str(address)), lambda: self.source.names_of(address))

    def addresses_of(self, name: str) -> tuple[str, ...]:
        """As the Protocol says."""
        return self._answer(("addresses", name), lambda: self.source.addresses_of(name))

    def _answer(self, question: tuple[str, str], ask: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        now = self.clock()
        held = self._held.get(question)
        if held is not None and now - held[0] < self.time_to_live.total_seconds():
            return held[1]
        answer = ask()
        self._held.pop(question, None)
        while len(self._held) >= self.size:
            self._held.popitem(last=False)
        self._held[question] = (now, answer)
        return answer
