"""The page of one network: its clients, what they asked for, and how they are judged."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.markup import ago, joined, number, text
from soc_dashboard.components.subject_kpis import SubjectFigures
from soc_dashboard.components.subject_title import not_a_network, subject_title
from soc_dashboard.pages.entity_table import EntityTable
from soc_dashboard.pages.subject import SubjectPage
from soc_dashboard.search.terms import Term
from soc_dashboard.store.network import maybe_asn, maybe_network
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.store.tops import Top


class AsnPage(SubjectPage):
    """One autonomous system over the range; 0 stands for addresses whose network is not known."""

    title = "Network"
    path = "/asn"
    tops = (Top.JA4_STABLE, Top.HOST)

    def scope(self) -> tuple[Term, ...]:
        """The network's clients."""
        return (Term("asn", str(self._asn or 0)),)

    def member_table(self) -> EntityTable:
        """Client, fingerprint and host of every entity of the network."""
        return EntityTable(self, self.members_state, self.scope, title="Entities")

    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures of a network."""
        of = SubjectFigures(reading)
        return [
            of.requests(),
            of.clients(),
            of.fingerprints(),
            of.hosts(),
            of.bot_share(),
            of.median_score(),
            of.failed_share(),
            of.surge(),
        ]

    async def maybe_title(self) -> Markup | None:
        """The number and what kind of network it is; text that is no number has no page."""
        asn = self._asn
        if asn is None:
            self.name.object = str(not_a_network(self.subject.value))
            return None
        found = await maybe_network(self.marts, asn, self.window)
        title = subject_title(f"AS{asn}", "Network" if asn else "Addresses without a known network")
        if found is None:
            return title
        facts = [
            Markup("<b>{}</b>").format(text(found.kind or "kind not known")),
            Markup("{} connections").format(number(found.connections)),
            Markup("{} MB answered").format(number(found.response_bytes / 1e6, 1)),
            Markup("{} refused logins").format(number(found.login_failures)),
            Markup("first seen {}").format(ago(found.first_ts, self.as_of)),
            Markup("last seen {}").format(ago(found.last_ts, self.as_of)),
        ]
        return title + Markup('<div class="facts">{}</div>').format(
            joined([Markup("<span>{}</span>").format(fact) for fact in facts])
        )

    @property
    def _asn(self) -> int | None:
        return maybe_asn(self.subject.value)
