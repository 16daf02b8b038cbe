"""Decide: label what a drawer shows, see what that touches first, and take it back."""

from __future__ import annotations

import asyncio
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

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
    target,
)
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.decision_log import DecisionLog, GivenLabel
from soc_dashboard.store.labels import preview_label
from soc_dashboard.verdicts import verdict_style

NO_LABEL = ""
WIDE: dict[str, Any] = {"size": "small", "sizing_mode": "stretch_width", "margin": (6, 0)}


class Classifier:
    """The part of a drawer that labels one client, JA4 and host; nothing is written before Save."""

    def __init__(self, session: PageSession) -> None:
        self._session = session
        self._log = DecisionLog(session.marts, session.clock)
        self._subject: tuple[str, str, str] = ("", "", "")
        self._given: GivenLabel | None = None
        self._asked = 0
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
        self.undo.on_click(lambda *_: pn.state.execute(self._undo))

    def show(self, client_ip: str, ja4_stable: str, host: str) -> None:
        """Offer labels for this entity, and for its client and its JA4 alone."""
        self._subject = (client_ip, ja4_stable, host)
        self._given = None
        scopes = {f"This client with this JA4 on {host or 'no host'}": LabelScope.ENTITY.value}
        scopes[f"Everything from {client_ip}"] = LabelScope.CLIENT_IP.value
        if ja4_stable:
            scopes["Everyone with this JA4"] = LabelScope.JA4_STABLE.value
        self.scope.param.update(options=scopes, value=LabelScope.ENTITY.value)
        self.label.value = NO_LABEL
        self.note.value = ""
        self.expiry.value = DEFAULT_EXPIRY
        self.undo.visible = False
        self.save.disabled = True
        self.view.visible = True
        self._changed()

    def _target(self) -> LabelTarget:
        return target(LabelScope(self.scope.value), *self._subject)

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
            seen = await preview_label(self._session.marts, self._target(), self._session.window)
        except LabelRefusedError as refusal:
            self.preview.object = str(label_words.refused(str(refusal)))
            self.save.disabled = True
            return
        except StoreFailedError as failure:
            self.preview.object = str(label_words.refused(failure.reason))
            return
        if mine == self._asked:
            self.preview.object = str(label_words.preview(seen, self.label.value, self._session.clock()))

    async def _save(self) -> None:
        if self.label.value == NO_LABEL:
            return
        length = EXPIRIES[self.expiry.value]
        expires_at = self._session.clock() + length if length else None
        self.save.disabled = True
        try:
            given = await self._log.give(
                self._session.user, self._target(), self.label.value, self.note.value.strip(), expires_at
            )
        except (LabelRefusedError, StoreFailedError) as failure:
            self.preview.object = str(label_words.refused(str(failure)))
            self.save.disabled = False
            return
        self._given = given
        self.undo.visible = True
        self._asked += 1
        self.preview.object = str(label_words.saved(given))
        self._session.request_read()

    async def _undo(self) -> None:
        given = self._given
        if given is None:
            return
        try:
            await self._log.revoke(self._session.user, given)
        except StoreFailedError as failure:
            self.preview.object = str(label_words.refused(str(failure)))
            return
        self._given = None
        self.undo.visible = False
        self.save.disabled = False
        self._asked += 1
        self.preview.object = str(label_words.taken_back(given))
        self._session.request_read()
