"""Decide: label one entity or many, see what that touches first, and take it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.access import ForbiddenError, Role, current_user, require
from soc_dashboard.components import label_words
from soc_dashboard.components.markup import STYLESHEET, html_pane
from soc_dashboard.labels import (
    DEFAULT_EXPIRY,
    EXPIRIES,
    LABELS,
    MAX_NOTE,
    LabelRefusedError,
    LabelScope,
    LabelTarget,
    targets,
)
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.decision_log import DecisionLog, GivenLabel
from soc_dashboard.store.labels import preview_labels
from soc_dashboard.verdicts import verdict_style

NO_LABEL = ""
WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (6, 0)}

EntityKey = tuple[str, str, str]
"""Client address, stable JA4 and host."""


class Classifier:
    """The part of a drawer that labels entities; nothing is written before Save."""

    def __init__(
        self,
        session: PageSession,
        on_change: Callable[[Markup], None] | None = None,
        narrowest: LabelScope = LabelScope.ENTITY,
    ) -> None:
        """`on_change` is told in words what was saved or taken back; `narrowest` is the scope below which
        the entities that are shown cannot be told apart."""
        self._narrowest = narrowest
        self._session = session
        self._on_change = on_change
        self._log = DecisionLog(session.marts, session.clock)
        self._entities: tuple[EntityKey, ...] = ()
        self._asked = 0
        self.given: tuple[GivenLabel, ...] = ()
        """What was saved last and not taken back."""
        self.scope = pmui.Select(label="About", options={}, **WIDE)
        self.label = pmui.RadioButtonGroup(
            # The group always has one of its options chosen.
            options={"Undecided": NO_LABEL, **{verdict_style(label).label: label for label in LABELS}},
            value=NO_LABEL,
            color="default",
            **WIDE,
        )
        self.note = pmui.TextInput(label="Note", placeholder="Why", max_length=MAX_NOTE, **WIDE)
        self.expiry = pmui.Select(
            label="Ends after",
            options=list(EXPIRIES),
            value=DEFAULT_EXPIRY,
            **WIDE,
        )
        self.preview = html_pane(Markup(""))
        self.save = pmui.Button(label="Save label", size="small", disabled=True)
        self.undo = pmui.Button(label="Undo", variant="outlined", size="small", visible=False)
        self.view = pn.Column(
            html_pane(Markup('<div class="evidence-head"><h3>Your decision</h3></div>')),
            self.scope,
            self.label,
            self.note,
            self.expiry,
            self.preview,
            pn.Row(self.save, self.undo, margin=0),
            css_classes=["classifier"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            visible=False,
        )
        for widget in (self.scope, self.label):
            widget.param.watch(self._changed, "value")
        self.save.on_click(lambda *_: pn.state.execute(self._save))
        self.undo.on_click(lambda *_: pn.state.execute(self.take_back))

    def show(self, entities: Sequence[EntityKey], label: str = NO_LABEL) -> None:
        """Offer labels for these entities, and for their clients and JA4 alone; `label` is chosen already."""
        if not current_user().may(Role.ANALYST):
            self.view.visible = False
            return
        self._entities = tuple(entities)
        self.given = ()
        self.scope.param.update(options=_scopes(self._entities, self._narrowest), value=self._narrowest.value)
        self.label.value = label
        self.note.value = ""
        self.expiry.value = DEFAULT_EXPIRY
        self.undo.visible = False
        self.view.visible = True
        self._changed()

    async def take_back(self) -> None:
        """Revoke what was saved last; nothing happens when there is nothing."""
        given = self.given
        if not given:
            return
        try:
            await self._log.revoke(require(Role.ANALYST).name, given)
        except (ForbiddenError, StoreFailedError) as failure:
            self.preview.object = str(label_words.refused(str(failure)))
            return
        self.given = ()
        self.undo.visible = False
        self.save.disabled = False
        self._asked += 1
        self._written(label_words.taken_back(given))

    def _targets(self) -> tuple[LabelTarget, ...]:
        return targets(LabelScope(self.scope.value), self._entities)

    def _changed(self, *_: Any) -> None:
        self.save.disabled = self.label.value == NO_LABEL
        pn.state.execute(self._preview)

    async def _preview(self) -> None:
        self._asked += 1
        mine = self._asked
        # Opening the drawer sets several widgets; only the last of their calls reads.
        await asyncio.sleep(0)
        if mine != self._asked:
            return
        try:
            seen = await preview_labels(self._session.marts, self._targets(), self._session.window)
        except LabelRefusedError as refusal:
            self.preview.object = str(label_words.refused(str(refusal)))
            self.save.disabled = True
            return
        except StoreFailedError as failure:
            self.preview.object = str(label_words.refused(failure.reason))
            return
        if mine == self._asked:
            self.preview.object = str(
                label_words.preview(seen, self.label.value, self._session.clock(), len(self._entities))
            )

    async def _save(self) -> None:
        if self.label.value == NO_LABEL:
            return
        length = EXPIRIES[self.expiry.value]
        expires_at = self._session.clock() + length if length else None
        self.save.disabled = True
        try:
            given = await self._log.give(
                require(Role.ANALYST).name,
                self._targets(),
                self.label.value,
                self.note.value.strip(),
                expires_at,
            )
        except (ForbiddenError, LabelRefusedError, StoreFailedError) as failure:
            self.preview.object = str(label_words.refused(str(failure)))
            self.save.disabled = False
            return
        self.given = given
        self.undo.visible = True
        self._asked += 1
        self._written(label_words.saved(given))

    def _written(self, words: Markup) -> None:
        self.preview.object = str(words)
        if self._on_change is not None:
            self._on_change(words)
        self._session.request_read()


def _scopes(entities: Sequence[EntityKey], narrowest: LabelScope) -> dict[str, str]:
    """What a label can be about: words -> scope. A JA4 is offered only when every entity has one."""
    clients = {client_ip for client_ip, _, _ in entities}
    ja4s = {ja4 for _, ja4, _ in entities}
    scopes: dict[str, str] = {}
    if narrowest is LabelScope.ENTITY:
        words = (
            f"This client with this JA4 on {entities[0][2] or 'no host'}"
            if len(entities) == 1
            else f"These {len(entities)} entities (client, JA4 and host)"
        )
        scopes[words] = LabelScope.ENTITY.value
    scopes[
        f"Everything from {entities[0][0]}"
        if len(clients) == 1
        else f"Everything from these {len(clients)} clients"
    ] = LabelScope.CLIENT_IP.value
    if "" not in ja4s:
        words = "Everyone with this JA4" if len(ja4s) == 1 else f"Everyone with these {len(ja4s)} JA4"
        scopes[words] = LabelScope.JA4_STABLE.value
    return scopes
