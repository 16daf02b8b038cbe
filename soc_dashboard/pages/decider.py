"""From evidence to decision: ties the ticked rows of a table to the drawer that classifies them."""

from __future__ import annotations

from collections.abc import Sequence

import panel as pn
from markupsafe import Markup

from soc_dashboard.labels import LabelScope
from soc_dashboard.pages.evidence_drawer import EvidenceDrawer
from soc_dashboard.pages.selection import Selection
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.rows import Entity


class Decider:
    """One drawer to look at an entity and to classify many; the table's bar says what was done."""

    def __init__(self, session: PageSession, narrowest: LabelScope = LabelScope.ENTITY) -> None:
        """`narrowest` is the scope below which the table's rows cannot be told apart."""
        self._evidence = EvidenceDrawer(session, self._decided, narrowest)
        self._classifier = self._evidence.classifier
        self.selection = Selection(
            self._evidence.show_many, lambda: pn.state.execute(self._classifier.take_back)
        )

    @property
    def drawer(self) -> pn.viewable.Viewable:
        """Belongs into the page's drawers."""
        return self._evidence.drawer

    def look_at(self, entity: Entity, facts: Sequence[tuple[str, Markup]] = ()) -> None:
        """Open the evidence for an entity; `facts` are further lines of it."""
        self._evidence.show(entity, facts)

    def _decided(self, words: Markup) -> None:
        """The queue is what the person goes back to: the drawer closes, the bar offers the way back."""
        self._evidence.drawer.open = False
        self.selection.say(words, can_undo=bool(self._classifier.given))
