"""Settings: how pages look to the person, the thresholds of the detection, and the lists of labels."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import panel as pn
import param
from markupsafe import Markup

from soc_dashboard.filters import LabelState, TableState
from soc_dashboard.pages.label_list import LabelList
from soc_dashboard.pages.preferences_form import PreferencesForm
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.threshold_form import ThresholdForm
from soc_dashboard.pages.watch_list import WatchList
from soc_dashboard.window import Window


class SettingsPage(PageSession):
    """The lists are of all time, for a label outlives the range in which it was given; what labels hit is of
    the range."""

    title = "Settings"
    path = "/settings"

    def __init__(self, **session: object) -> None:
        self.labels_state = LabelState()
        self.watch_state = TableState()
        super().__init__(**session)  # type: ignore[arg-type]
        self.labels = LabelList(self, self.labels_state)
        self.watch_list = WatchList(self, self.watch_state)
        self.thresholds = ThresholdForm(self)
        self.preferences_form = PreferencesForm(self)

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range, which other pages keep, and the lists' states."""
        return {
            **super().url_names(),
            **LabelList.url_names(self.labels_state),
            **WatchList.url_names(self.watch_state),
        }

    def body(self) -> list[object]:
        """What is shared above what is the person's own."""
        return [self.labels.card, self.watch_list.card, self.thresholds.card, self.preferences_form.card]

    def drawers(self) -> list[pn.viewable.Viewable]:
        """The label that was clicked."""
        return [self.labels.drawer]

    async def read(self, window: Window, as_of: datetime) -> None:  # noqa: ARG002 - of all time
        """Labels, whom they watch, and thresholds."""
        self.notice(Markup(""))
        await self.labels.read()
        await self.watch_list.read()
        await self.thresholds.read()
