"""Thresholds of the detection: what holds, and setting another."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.access import ForbiddenError, Role, current_user, require
from soc_dashboard.components.cards import card, head_pane
from soc_dashboard.components.markup import STYLESHEET, ago, html_pane, text
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.database import StoreFailedError
from soc_dashboard.store.settings import SettingLog, SettingRow, read_settings
from soc_dashboard.thresholds import MAX_NOTE, THRESHOLDS, Threshold, ThresholdRefusedError


class ThresholdForm:
    """One line per threshold; only an admin can change it."""

    def __init__(self, session: PageSession) -> None:
        self._session = session
        self._lines = [_Line(session, threshold) for threshold in THRESHOLDS]
        self.card = card(
            head_pane("Thresholds", "of the detection; for everyone, from the next scoring on"),
            *(line.view for line in self._lines),
        )

    async def read(self) -> None:
        """Show what holds; raises StoreFailedError."""
        newest = await read_settings(self._session.marts)
        for line in self._lines:
            line.show(newest.get(line.threshold.name))


class _Line:
    def __init__(self, session: PageSession, threshold: Threshold) -> None:
        self.threshold = threshold
        self._session = session
        self._words = html_pane(Markup(""))
        self._said = html_pane(Markup(""))
        # Not a FloatInput: its buttons have no names.
        self._value = pmui.TextInput(
            label=threshold.label,
            value=f"{threshold.default:g}",
            max_length=20,
            size="small",
            width=180,
            margin=0,
        )
        self._note = pmui.TextInput(label="Why", max_length=MAX_NOTE, size="small", width=260, margin=0)
        save = pmui.Button(label="Set", size="small", margin=0)
        save.on_click(lambda *_: pn.state.execute(self._set))
        is_admin = current_user().may(Role.ADMIN)
        self._fields = pn.FlexBox(
            self._value,
            self._note,
            save,
            css_classes=["form"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            gap="12px 16px",
            visible=is_admin,
        )
        self.view = pn.Column(self._words, self._fields, self._said, sizing_mode="stretch_width", margin=0)

    def show(self, newest: SettingRow | None) -> None:
        """What holds, by whom, and what the threshold means."""
        threshold, now = self.threshold, self._session.as_of
        holds = newest.value if newest else threshold.default
        who = (
            Markup("set by {} {}{}").format(
                text(newest.user, 60),
                ago(newest.set_at, now),
                Markup(": {}").format(text(newest.note, 200)) if newest.note else "",
            )
            if newest
            else Markup("the default, never changed")
        )
        self._words.object = str(
            Markup(
                '<div class="threshold"><h3>{}: <b>{:g}</b></h3><p>{} {}</p><p class="muted">{}; '
                "allowed from {:g} to {:g}, default {:g}</p></div>"
            ).format(
                threshold.label, holds, threshold.meaning, threshold.effect, who,
                threshold.low, threshold.high, threshold.default,
            )
        )  # fmt: skip
        self._value.value = f"{holds:g}"

    async def _set(self) -> None:
        log = SettingLog(self._session.marts, self._session.clock)
        try:
            user = require(Role.ADMIN)
            value = self.threshold.maybe_number(self._value.value or "")
            await log.set(user.name, self.threshold, value, (self._note.value or "").strip())
        except (ForbiddenError, ThresholdRefusedError, StoreFailedError) as failure:
            words = Markup('<p class="said warning" role="alert">Not set: {}.</p>').format(text(str(failure)))
            self._said.object = str(words)
            return
        self._note.value = ""
        self._said.object = str(Markup('<p class="said" role="status">Set.</p>'))
        self._session.request_read()
