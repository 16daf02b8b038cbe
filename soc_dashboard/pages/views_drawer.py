"""Saved views: addresses of this dashboard that a person keeps under a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
from markupsafe import Markup

from soc_dashboard.access.preferences import PreferenceRefusedError
from soc_dashboard.components.icons import icon
from soc_dashboard.components.markup import STYLESHEET, html_pane, joined, text, visible
from soc_dashboard.components.shell import DRAWER_PX
from soc_dashboard.personal import MAX_VIEW_NAME, PersonalStore, SavedView


class ViewsDrawer:
    """The person's views as links; the page that is open can be saved, any can be deleted."""

    def __init__(self, personal: PersonalStore, user: str, address: Callable[[], str]) -> None:
        """`address` gives the path and query of the page with its filters."""
        self._personal = personal
        self._user = user
        self._address = address
        self.name = pmui.TextInput(
            label="Name of this view",
            max_length=MAX_VIEW_NAME,
            size="small",
            sizing_mode="stretch_width",
            margin=(6, 0),
        )
        self.save = pmui.Button(label="Save this view", size="small", disabled=True, margin=(0, 0, 8, 0))
        self._said = html_pane(Markup(""))
        self._list = html_pane(Markup(""))
        self.name.param.watch(self._named, "value_input")
        self.save.on_click(lambda *_: self._save())
        self.drawer = pmui.Drawer(
            pn.Column(
                html_pane(Markup('<div class="evidence-head"><h3>Saved views</h3></div>')),
                self.name,
                self.save,
                self._said,
                self._list,
                css_classes=["classifier"],
                stylesheets=[STYLESHEET],
                sizing_mode="stretch_width",
            ),
            anchor="right",
            size=DRAWER_PX,
            open=False,
        )

    def open(self) -> None:
        """Show the drawer."""
        self._said.object = ""
        self._show()
        self.drawer.open = True

    def forget(self, name: str) -> None:
        """Delete a view, for the button beside it."""
        try:
            self._personal.forget_view(self._user, name)
        except PreferenceRefusedError as refusal:
            self._say(str(refusal), "warning")
        self._show()

    def _named(self, event: Any) -> None:
        self.save.disabled = not (event.new or "").strip()

    def _save(self) -> None:
        try:
            view = self._personal.keep_view(
                self._user, self.name.value_input or self.name.value, self._address()
            )
        except PreferenceRefusedError as refusal:
            self._say(str(refusal), "warning")
            return
        self.name.value = ""
        self.save.disabled = True
        self._say(f"Saved: {view.name}", "")
        self._show()

    def _say(self, words: str, kind: str) -> None:
        self._said.object = str(Markup('<p class="{}" role="status">{}.</p>').format(kind, text(words)))

    def _show(self) -> None:
        views = self._personal.views(self._user)
        self._list.object = str(
            Markup('<ul class="views">{}</ul>').format(joined([_entry(view) for view in views]))
            if views
            else Markup('<p class="muted">None yet. A view keeps the page with its range and filters.</p>')
        )


def _entry(view: SavedView) -> Markup:
    return Markup(
        '<li><a href="{}" title="{}">{}</a><button class="icon-button" data-call="forget-view" '
        'data-value="{}" title="Delete" aria-label="Delete {}">{}</button></li>'
    ).format(
        view.address, visible(view.address), text(view.name), view.name, visible(view.name), icon("exclude")
    )
