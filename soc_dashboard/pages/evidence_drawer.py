"""The side drawer: evidence for one entity, its hello and requests, and the decision about it or many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.components.evidence import evidence, hello_facts, many_entities, newest_requests
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.pivots import search_link
from soc_dashboard.components.shell import DRAWER_PX, carried_query
from soc_dashboard.labels import LabelScope
from soc_dashboard.pages.classifier import Classifier, EntityKey
from soc_dashboard.pages.session import PageSession
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.fingerprint import maybe_fingerprint
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.requests import read_requests
from soc_dashboard.store.rows import Entity, Fingerprint

NEWEST_REQUESTS = 6
MAX_VALUE_IN_LINK = 200


class EvidenceDrawer:
    """`show` for one entity, `show_many` for a selection; what needs a read follows the rest."""

    def __init__(
        self,
        session: PageSession,
        on_change: Callable[[Markup], None] | None = None,
        narrowest: LabelScope = LabelScope.ENTITY,
    ) -> None:
        self._session = session
        self._evidence = html_pane(Markup(""))
        self._more = html_pane(Markup(""))
        self._asked = 0
        self.classifier = Classifier(session, on_change, narrowest)
        self.drawer = pmui.Drawer(
            pn.Column(self._evidence, self.classifier.view, self._more, sizing_mode="stretch_width"),
            anchor="right",
            size=DRAWER_PX,
            open=False,
        )

    def show(self, entity: Entity, facts: Sequence[tuple[str, Markup]] = ()) -> None:
        """Open with the evidence for an entity; `facts` are further lines of it."""
        query = carried_query(self._session.time_range)
        self._evidence.object = str(evidence(entity, query, facts))
        self._more.object = ""
        self.classifier.show([(entity.client_ip, entity.ja4_stable, entity.host)])
        self.drawer.open = True
        self._asked += 1
        mine = self._asked
        pn.state.execute(partial(self._read_more, entity, mine))

    def show_many(self, keys: Sequence[EntityKey], label: str) -> None:
        """Open to classify a selection; `label` is chosen already, if any."""
        self._asked += 1
        self._evidence.object = str(many_entities(keys))
        self._more.object = ""
        self.classifier.show(keys, label)
        self.drawer.open = True

    async def _read_more(self, entity: Entity, mine: int) -> None:
        session = self._session
        terms = _terms(entity)
        try:
            found, rows = await asyncio.gather(
                self._fingerprint(entity.ja4_stable),
                read_requests(session.marts, terms, session.window, PageRequest(page_rows=NEWEST_REQUESTS)),
            )
        except StoreFailedError as failure:
            session.show_failure(failure)
            return
        if mine == self._asked:
            linked = [
                term for term in terms if len(term.value) <= MAX_VALUE_IN_LINK and "\0" not in term.value
            ]
            link = search_link(linked, carried_query(session.time_range))
            self._more.object = str(hello_facts(found, session.as_of) + newest_requests(rows, link))

    async def _fingerprint(self, ja4_stable: str) -> Fingerprint | None:
        return await maybe_fingerprint(self._session.marts, ja4_stable)


def _terms(entity: Entity) -> list[Term]:
    """The terms that select the requests of an entity."""
    parts = (("ip", entity.client_ip), ("ja4_stable", entity.ja4_stable), ("host", entity.host))
    return [Term(field, value, is_quoted=field != "ip") for field, value in parts if value]


def _linkable(terms: Sequence[Term]) -> list[Term]:
    """Those that a URL can carry."""
    return [term for term in terms if len(term.value) <= MAX_VALUE_IN_LINK and "\0" not in term.value]
