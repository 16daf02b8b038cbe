"""The page of one campaign: what it does, with what, how it is judged, and what to do about its members."""

from __future__ import annotations

from markupsafe import Markup

from soc_dashboard.components import states
from soc_dashboard.components.campaign_words import campaign_life, campaign_not_found, campaign_title
from soc_dashboard.components.cards import card, head_pane
from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.shell import carried_query
from soc_dashboard.components.subject_kpis import SubjectFigures
from soc_dashboard.pages.entity_table import EntityTable
from soc_dashboard.pages.subject import SubjectPage
from soc_dashboard.search.terms import Term
from soc_dashboard.store.campaign_rows import Campaign, CampaignEvent
from soc_dashboard.store.campaigns import campaign_scope, maybe_campaign, read_campaign_life
from soc_dashboard.store.markers import Markers, read_campaign_markers
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.store.tops import Top
from soc_dashboard.window import Window


class CampaignPage(SubjectPage):
    """One campaign over the range: everything its members did, whatever their address was then."""

    title = "Campaign"
    path = "/cluster"
    help_name = "campaign"
    tops = (Top.JA4_STABLE, Top.ASN, Top.HOST)

    def __init__(self, **session: object) -> None:
        self.life = html_pane(states.skeleton_block(60))
        self._campaign: Campaign | None = None
        self._events: list[CampaignEvent] = []
        super().__init__(**session)

    def scope(self) -> tuple[Term, ...]:
        """Its members."""
        return campaign_scope(self.subject.value)

    def member_table(self) -> EntityTable:
        """Every member, worst first."""
        return EntityTable(self, self.members_state, self.scope, title="Members", page_rows=25)

    def more_cards(self) -> list[object]:
        """Its life."""
        return [card(head_pane("Its life", "by the hour"), self.life)]

    def figures(self, reading: SubjectReading) -> list[Kpi]:
        """Eight key figures of a campaign."""
        of = SubjectFigures(reading)
        return [
            of.requests(),
            of.clients(),
            of.fingerprints(),
            of.hosts(),
            of.user_agents(),
            of.bot_share(),
            of.median_score(),
            of.surge(),
        ]

    async def read_markers(self, window: Window) -> Markers:
        """Its own life, and labels about its members."""
        return await read_campaign_markers(self.marts, self.subject.value, self._events, window)

    async def maybe_title(self) -> Markup | None:
        """Name, sentence and facts; a campaign that is not known has no page."""
        asked = self.subject.value
        self._campaign = campaign = await maybe_campaign(self.marts, asked)
        if campaign is None:
            self.name.object = str(campaign_not_found(asked))
            return None
        query = carried_query(self.time_range)
        self._events = await read_campaign_life(self.marts, campaign.campaign_id)
        self.life.object = str(campaign_life(campaign, self._events, query))
        return campaign_title(campaign, self.as_of, query)
