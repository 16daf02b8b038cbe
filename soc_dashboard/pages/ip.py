"""The page of one client address: its fingerprints, what it asked for, and how it is judged."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.addresses import canonical_address
from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.subject_kpis import SubjectFigures
from soc_dashboard.components.subject_title import not_an_address, subject_title
from soc_dashboard.pages.entity_table import EntityTable
from soc_dashboard.pages.subject import SubjectPage
from soc_dashboard.search.terms import Term
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.store.tops import Top


class IpPage(SubjectPage):
    """One address over the range; IPv4-mapped forms are the IPv4 address."""

    title = "Address"
    path = "/ip"
    tops = (Top.JA4_STABLE, Top.HOST)

    def scope(self) -> tuple[Term, ...]:
        """The address alone, never a network."""
        return (Term("ip", self._address or "::"),)

    def member_table(self) -> EntityTable:
        """Fingerprint and host of every entity of the address."""
        return EntityTable(self, self.members_state, self.scope, title="Entities", leaving_out=("client_ip",))

    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures of an address."""
        of = SubjectFigures(reading)
        return [
            of.requests(),
            of.fingerprints(),
            of.hosts(),
            of.user_agents(),
            of.bot_share(),
            of.median_score(),
            of.failed_share(),
            of.surge(),
        ]

    async def maybe_title(self) -> Markup | None:
        """The address; text that is none has no page."""
        if self._address is None:
            self.name.object = str(not_an_address(self.subject.value))
            return None
        return subject_title(self._address, "Client address")

    @property
    def _address(self) -> str | None:
        try:
            return canonical_address(self.subject.value.strip())
        except ValueError:
            return None
