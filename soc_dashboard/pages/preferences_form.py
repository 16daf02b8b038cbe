"""How pages look to the person who is signed in."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

import msgspec
import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.access.preferences import PreferenceRefusedError
from soc_dashboard.components.cards import card, head_pane
from soc_dashboard.components.display_time import choose_zone
from soc_dashboard.components.markup import STYLESHEET, html_pane, text
from soc_dashboard.filters import PRESETS
from soc_dashboard.pages.session import PageSession
from soc_dashboard.personal import PAGE_ROWS, THEMES

FIELD: dict[str, Any] = {"size": "small", "width": 220, "margin": 0}


class PreferencesForm:
    """A choice is kept as soon as it is made."""

    def __init__(self, session: PageSession) -> None:
        self._session = session
        chosen = session.preferences
        self._said = html_pane(Markup(""))
        theme = pmui.Select(
            label="Theme",
            options={name.capitalize(): name for name in THEMES},
            value=chosen.theme,
            **FIELD,
        )
        preset = pmui.Select(
            label="Range of a page opened without one", options=list(PRESETS), value=chosen.preset, **FIELD
        )
        rows = pmui.Select(
            label="Rows of a table's page",
            options={str(count) if count else "As each table has it": count for count in PAGE_ROWS},
            value=chosen.page_rows,
            **FIELD,
        )
        zone = pmui.AutocompleteInput(
            label="Time zone",
            options=sorted(available_timezones()),
            value=chosen.zone,
            case_sensitive=False,
            min_characters=1,
            **FIELD,
        )
        shortcuts = pmui.Checkbox(
            label="Shortcuts of a single key", value=chosen.has_shortcuts, size="small", margin=0
        )
        fields = pn.FlexBox(
            self._kept("theme", theme),
            self._kept("preset", preset),
            self._kept("page_rows", rows),
            self._kept("zone", zone),
            self._kept("has_shortcuts", shortcuts),
            css_classes=["form"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            gap="12px 16px",
        )
        note = "kept as soon as chosen; other pages follow when they are opened again"
        self.card = card(head_pane("Your preferences", note), fields, self._said)

    def _kept(self, name: str, widget: Any) -> Any:
        widget.param.watch(lambda event: self._keep(name, event.new), "value")
        return widget

    def _keep(self, name: str, value: object) -> None:
        session = self._session
        if session.personal is None or value in (None, ""):
            return
        wanted = msgspec.structs.replace(session.preferences, **{name: value})
        try:
            session.personal.keep_preferences(session.user, wanted)
        except PreferenceRefusedError as refusal:
            self._said.object = str(
                Markup('<p class="said warning" role="alert">Not kept: {}.</p>').format(text(str(refusal)))
            )
            return
        session.preferences = wanted
        if name == "zone":
            choose_zone(wanted.zone)
            session.request_read()
        switch = Markup('<button class="link" data-theme-set="{}">Use it in this browser now</button>')
        self._said.object = str(
            Markup('<p class="said" role="status">Kept. {}</p>').format(
                switch.format(wanted.theme) if name == "theme" else ""
            )
        )
