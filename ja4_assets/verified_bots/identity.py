"""Decides whether an address is the bot that it names.

A claim is `verified` as soon as one way of its operator confirms it. It is an `impostor`'s only if a way
that the operator offers as a test by itself was tried and says no, and none that was tried says yes.
Everything else is `unknown`: an address that is not public, no way to check, a list too old, a name server
that does not answer. Unknown is no reproach: the other rules judge such a client as they judge everybody.

Prevents calling the real bot an impostor where an installation is cut off or its data are old. Price: there
an impostor of a bot that can only be checked by DNS goes undetected by these means. Rejected: taking the
silence of a resolver for a no, which would block every search engine on the day DNS fails."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

from ja4_assets.verified_bots.catalogue import BOTS_BY_CLAIM, Bot
from ja4_assets.verified_bots.resolver import IpAddress, Resolver, ResolverUnavailable

MAX_RANGE_AGE_DAYS = 120
"""A list older than this confirms, but does not refute: operators add ranges every few weeks. The age at
which the asset `reference_crawler_ranges` warns."""


class State(StrEnum):
    """What is known of a claim; the values of `bot_identities.state`."""

    VERIFIED = "verified"
    IMPOSTOR = "impostor"
    UNKNOWN = "unknown"


class Method(StrEnum):
    """What decided; the values of `bot_identities.method`."""

    NONE = "none"
    RANGE = "range"
    RDNS = "rdns"
    WEB_BOT_AUTH = "web_bot_auth"


@dataclass(frozen=True, slots=True)
class Claim:
    """A client address that names a bot, and what the reference data say of the address."""

    client_ip: str
    """Canonical text, or IPv4-mapped IPv6 as the database writes it."""
    claimed: str
    range_name: str = ""
    """The published range that holds the address; '' for none."""
    asn: int = 0
    range_age_days: int | None = None
    """Age of the list of ranges in use; None without one."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The answer to a claim."""

    operator: str
    method: Method
    state: State
    detail: str
    """What was found, for the analyst."""


def identify(claim: Claim, resolver: Resolver | None, *, is_pseudonym: bool = False) -> Identity:
    """Check one claim by ranges first, then by DNS if there is a resolver. ValueError for no address.

    `is_pseudonym`: the address is not the client's, so what is published about it says nothing.
    """
    address = plain_address(claim.client_ip)
    bot = BOTS_BY_CLAIM.get(claim.claimed)
    if bot is None:
        return Identity("", Method.NONE, State.UNKNOWN, f"nobody says how to verify {claim.claimed}")
    if is_pseudonym:
        return _answer(
            bot, Method.NONE, State.UNKNOWN, "a pseudonym and no address, so nobody vouches for it"
        )
    if not address.is_global:
        return _answer(bot, Method.NONE, State.UNKNOWN, "not a public address, so nobody vouches for it")
    by_range = _by_range(bot, claim)
    if by_range.state is State.VERIFIED:
        return by_range
    by_name = _by_name(bot, address, resolver)
    if by_name.state is State.VERIFIED:
        return by_name
    # Neither says yes: a no of one is a no, and both are told.
    refuted = [found for found in (by_name, by_range) if found.state is State.IMPOSTOR]
    (decisive, *_) = [*refuted, by_range]
    return _answer(bot, decisive.method, decisive.state, f"{by_range.detail}; {by_name.detail}")


def plain_address(text: str) -> IpAddress:
    """The address that a client has: IPv4 also where it is written as IPv6. Raises ValueError."""
    address = ip_address(text)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _by_range(bot: Bot, claim: Claim) -> Identity:
    if claim.range_name in bot.range_names:
        found = f"in the published ranges of {claim.range_name}"
        return _answer(bot, Method.RANGE, State.VERIFIED, found)
    if claim.asn in bot.asns:
        return _answer(bot, Method.RANGE, State.VERIFIED, f"in AS{claim.asn}, which {bot.operator} names")
    if not bot.range_names and not bot.asns:
        return _answer(bot, Method.NONE, State.UNKNOWN, f"{bot.operator} publishes no ranges")
    if not bot.are_ranges_complete:
        return _answer(bot, Method.NONE, State.UNKNOWN, "in no published range, but the list is not complete")
    if bot.asns:
        # Without any data about networks the number is 0, which is no network's.
        if claim.asn == 0:
            return _answer(bot, Method.NONE, State.UNKNOWN, "the network of the address is not known")
        return _answer(
            bot, Method.RANGE, State.IMPOSTOR, f"in AS{claim.asn}, not in {bot.operator}'s network"
        )
    if claim.range_age_days is None:
        return _answer(bot, Method.NONE, State.UNKNOWN, "no list of published ranges is loaded")
    if claim.range_age_days > MAX_RANGE_AGE_DAYS:
        old = f"in no published range, but the list is {claim.range_age_days} days old"
        return _answer(bot, Method.NONE, State.UNKNOWN, old)
    return _answer(bot, Method.RANGE, State.IMPOSTOR, f"in none of {bot.operator}'s published ranges")


def _by_name(bot: Bot, address: IpAddress, resolver: Resolver | None) -> Identity:
    if not bot.dns_suffixes:
        return _answer(bot, Method.NONE, State.UNKNOWN, f"{bot.operator} names no domain")
    if resolver is None:
        return _answer(bot, Method.NONE, State.UNKNOWN, "reverse DNS is not asked here")
    try:
        names = resolver.names_of(address)
        own = [name for name in names if _is_in(name, bot.dns_suffixes)]
        for name in own:
            if str(address) in resolver.addresses_of(name):
                return _answer(bot, Method.RDNS, State.VERIFIED, f"is {name}, which resolves to it")
    except ResolverUnavailable as error:
        return _answer(bot, Method.NONE, State.UNKNOWN, f"DNS did not answer: {error}")
    if own:
        return _answer(bot, Method.RDNS, State.IMPOSTOR, f"calls itself {own[0]}, which is another")
    named = f"its name is {names[0]}" if names else "it has no name"
    return _answer(bot, Method.RDNS, State.IMPOSTOR, f"{named}, none of {bot.operator}'s")


def _is_in(name: str, domains: tuple[str, ...]) -> bool:
    return any(name == domain or name.endswith("." + domain) for domain in domains)


def _answer(bot: Bot, method: Method, state: State, detail: str) -> Identity:
    return Identity(bot.operator, method, state, detail)
