"""Two fingerprints side by side: what only one of them offers, by name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param
from markupsafe import Markup

from soc_dashboard.components import comparison_card, states
from soc_dashboard.components.cards import card, head
from soc_dashboard.components.markup import STYLESHEET, html_pane
from soc_dashboard.components.shell import carried_query
from soc_dashboard.filters import ComparedPair
from soc_dashboard.hello_difference import Section, compare
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.fingerprint import MAX_FINGERPRINT, maybe_fingerprint
from soc_dashboard.store.rows import Fingerprint
from soc_dashboard.window import Window


class ComparePage(PageSession):
    """Both fingerprints come from the address, `?a=&b=`; the boxes change it."""

    title = "Compare"
    path = "/compare"

    def __init__(self, **session: object) -> None:
        self.pair = ComparedPair()
        super().__init__(**session)  # type: ignore[arg-type]
        self._found: tuple[Fingerprint | None, Fingerprint | None] = (None, None)
        self._boxes = [self._box("A", "first"), self._box("B", "second")]
        swap = pmui.IconButton(
            icon="swap_horiz", description="Swap A and B", size="small", margin=0, color="default"
        )
        swap.on_click(lambda *_: self._swap())
        differing = pmui.Checkbox(
            label="Only what differs", value=self.pair.is_differing_only, size="small", margin=0
        )
        differing.param.watch(lambda event: self._chosen(is_differing_only=event.new), "value")
        self.titles = html_pane(states.skeleton_block(44))
        self.sections = pn.Column(
            html_pane(states.skeleton_block(300)),
            sizing_mode="stretch_width",
            margin=0,
            styles={"gap": "12px"},
        )
        self._bar = pn.Row(
            self._boxes[0],
            swap,
            self._boxes[1],
            differing,
            css_classes=["table-bar"],
            stylesheets=[STYLESHEET],
            sizing_mode="stretch_width",
            margin=0,
        )

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range, which other pages keep, and both fingerprints."""
        return {
            **super().url_names(),
            "a": (self.pair, "first"),
            "b": (self.pair, "second"),
            "diff": (self.pair, "is_differing_only"),
        }

    def body(self) -> list[object]:
        """The choice above the comparison."""
        return [card(self._bar, self.titles), self.sections]

    async def read(self, window: Window, as_of: datetime) -> None:  # noqa: ARG002 - hellos have no range
        """Both fingerprints at once."""
        first, second = await asyncio.gather(
            maybe_fingerprint(self.marts, self.pair.first.strip()),
            maybe_fingerprint(self.marts, self.pair.second.strip()),
        )
        self._found = (first, second)
        self.notice(Markup(""))
        self._show()

    def _show(self) -> None:
        first, second = self._found
        if first is None or second is None:
            absent = [
                (side, asked)
                for side, asked, found in (
                    ("A", self.pair.first, first),
                    ("B", self.pair.second, second),
                )
                if found is None
            ]
            self.titles.object = ""
            self.sections[:] = [
                card(html_pane(comparison_card.not_found(asked, side))) for side, asked in absent
            ]
            return
        self.titles.object = str(comparison_card.titles(first, second, carried_query(self.time_range)))
        self.sections[:] = [self._section(found) for found in compare(first, second)]

    def _section(self, found: Section) -> pn.Column:
        whole = len(found.lines)
        note = f"{found.differing} of {whole} differ" if found.differing else f"{whole}, all the same"
        if found.order:
            note = f"{note} · {found.order}"
        return card(
            html_pane(head(found.name, note)),
            html_pane(comparison_card.section(found, self.pair.is_differing_only)),
        )

    def _box(self, side: str, name: str) -> pmui.TextInput:
        box = pmui.TextInput(
            label=f"JA4 of {side}",
            value=getattr(self.pair, name),
            max_length=MAX_FINGERPRINT,
            size="small",
            sizing_mode="stretch_width",
            min_width=240,
            margin=0,
        )
        box.param.watch(lambda event: self._chosen(**{name: event.new.strip()}), "value")
        return box

    def _swap(self) -> None:
        first, second = self.pair.first, self.pair.second
        self._boxes[0].value, self._boxes[1].value = second, first

    def _chosen(self, **values: Any) -> None:
        self.pair.param.update(**values)
        self.keep_url()
        self.request_read()
