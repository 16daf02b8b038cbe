"""Who takes part in a recording: every identity, what it is and what it does. Pure: a seed gives the list."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Identity:
    """One address. Behind a gateway several clients have it."""

    name: str
    family: str
    tier: str
    is_bot: bool
    clients: tuple[Client, ...]
    campaign: str = ""
    """Identities of one campaign begin at the same time."""


@dataclass(frozen=True, slots=True)
class Client:
    """One program at an identity's address."""

    program: str
    """person, scripted, driven, driven_node or programs."""
    job: dict[str, Any]
    weight: int = 1
    """How much of the machine it takes: a browser 3."""
    system: str = "linux"
    """What a person's browser says it runs on; its SYN becomes that system's (`rebuilt`)."""


@dataclass(slots=True)
class Roster:
    """Collects identities under a seed."""

    rng: random.Random
    identities: list[Identity] = field(default_factory=list)

    def add(self, family: str, tier: str, *clients: Client, is_bot: bool = True, campaign: str = "") -> None:
        """One more identity; its name counts within the family."""
        number = sum(one.family == family for one in self.identities)
        self.identities.append(Identity(f"{family}-{number}", family, tier, is_bot, clients, campaign))

    def seed(self) -> int:
        """A seed for one client."""
        return self.rng.getrandbits(31)

    def host(self) -> str:
        """A site, by its popularity among people."""
        return self.rng.choices(HOSTS, WEIGHTS)[0]


HOSTS, WEIGHTS = ("shop.test", "blog.test", "news.test", "data.test"), (50, 18, 24, 8)


def renumbered(identities: Sequence[Identity], families: Iterable[str]) -> list[Identity]:
    """The identities with names that go on where those of the given families end."""
    known = Counter(families)
    found = []
    for one in identities:
        campaign = (
            f"{one.campaign}-{known[one.family]}" if one.campaign and known[one.family] else one.campaign
        )
        found.append(replace(one, name=f"{one.family}-{known[one.family]}", campaign=campaign))
        known[one.family] += 1
    return found
