"""The page of one host: who visits it, and who attacks it."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.subject_kpis import SubjectFigures
from soc_dashboard.components.subject_title import subject_title
from soc_dashboard.pages.entity_table import EntityTable
from soc_dashboard.pages.subject import SubjectPage
from soc_dashboard.search.terms import Term
from soc_dashboard.store.subject import SubjectReading


class HostPage(SubjectPage):
    """One host over the range, as clients named it."""

    title = "Host"
    path = "/host"

    def scope(self) -> tuple[Term, ...]:
        """The host, exactly."""
        return (Term("host", self.subject.value, is_quoted=True),)

    def member_table(self) -> EntityTable:
        """Client and fingerprint of every entity on the host."""
        return EntityTable(self, self.members_state, self.scope, title="Visitors", leaving_out=("host",))

    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures of a host."""
        of = SubjectFigures(reading)
        return [
            of.requests(),
            of.clients(),
            of.fingerprints(),
            of.user_agents(),
            of.bot_share(),
            of.median_score(),
            of.failed_share(),
            of.surge(),
        ]

    async def maybe_title(self) -> Markup | None:
        """The host's name."""
        return subject_title(self.subject.value, "Host")
