"""Types that the sections share, and how each says which values it allows."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MAX_LIST = 1_000
"""Entries of one list of ports or networks; thousands belong into a firewall."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """In a field's annotation: its allowed values in words, where the type does not say enough."""

    words: str


class Section(BaseModel):
    """A table of the file. Unknown keys are errors: a misspelt one would silently keep its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _split_commas(value: object) -> object:
    """Accept `443,8443`, as environment and command line give lists."""
    if not isinstance(value, str):
        return value
    return [part.strip() for part in value.split(",")] if value.strip() else []


def _network(value: object) -> IPv4Network | IPv6Network:
    if not isinstance(value, str | IPv4Network | IPv6Network):
        raise ValueError("must be text")
    return ip_network(value)


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Port = Annotated[int, Field(ge=0, le=65_535)]
Commas = BeforeValidator(_split_commas)
Ports = Annotated[
    frozenset[Port], Commas, Field(max_length=MAX_LIST), Allowed("a list of ports, each from 0 to 65535")
]
Networks = Annotated[
    tuple[Network, ...],
    Commas,
    Field(max_length=MAX_LIST),
    Allowed('a list of networks such as "192.0.2.0/24", "2001:db8::/32", "198.51.100.7"'),
]
Names = Annotated[tuple[str, ...], Commas, Allowed("a list of names")]
