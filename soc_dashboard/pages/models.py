"""The models: which one gives the scores, how good it is, and whether the traffic is still what it learnt."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import panel as pn
import panel_material_ui as pmui
import param
from markupsafe import Markup

from soc_dashboard.components import charts, model_cards, states
from soc_dashboard.components.cards import card, grid, head, head_pane
from soc_dashboard.components.interval_chart import interval_options
from soc_dashboard.components.markup import STYLESHEET, html_pane
from soc_dashboard.filters import ModelState
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.models import CHALLENGER, CHAMPION, ModelsReading, read_models
from soc_dashboard.window import Window

CHART_PX = 210


class ModelsPage(PageSession):
    """Models and measurements are of all time; drift is of the range."""

    title = "Models"
    path = "/models"

    def __init__(self, **session: object) -> None:
        self.state = ModelState()
        super().__init__(**session)  # type: ignore[arg-type]
        self._shown: ModelsReading | None = None
        self._is_following = False
        self.champion = html_pane(states.skeleton_block(220))
        self.challenger = html_pane(states.skeleton_block(220))
        self.chart_head = html_pane(head("Metrics over versions"))
        self.metric = pmui.Select(
            label="Metric",
            options=[""],
            value="",
            size="small",
            width=320,
            margin=(8, 14, 0, 14),
            visible=False,
        )
        self.metric.param.watch(lambda event: self._chosen(event.new), "value")
        self.chart = charts.chart(CHART_PX)
        self.chart.visible = False
        self.chart_wait = html_pane(states.skeleton_block(CHART_PX - 24))
        self.drift = html_pane(states.skeleton_block(CHART_PX))
        self.slices = html_pane(states.skeleton_block(200))

    def url_names(self) -> Mapping[str, tuple[param.Parameterized, str]]:
        """The range and the metric of the chart."""
        return {**super().url_names(), "metric": (self.state, "metric")}

    def body(self) -> list[object]:
        """Who scores, how good, how drifted, and every slice."""
        bar = pn.Row(
            self.chart_head, self.metric, stylesheets=[STYLESHEET], sizing_mode="stretch_width", margin=0
        )
        return [
            grid(
                "halves",
                card(head_pane("Champion", "gives the scores"), self.champion),
                card(head_pane("Challenger", "scores in its shadow"), self.challenger),
            ),
            grid(
                "halves",
                card(bar, self.chart_wait, self.chart),
                card(head_pane("Drift", "of the champion's features from its training; PSI"), self.drift),
            ),
            card(head_pane("Slices", "every measurement, with its 95 % interval"), self.slices),
        ]

    async def read(self, window: Window, as_of: datetime) -> None:
        """Models, measurements and drift at once."""
        reading = await read_models(self.marts, window)
        self._shown = reading
        self.notice(Markup(""))
        champion, challenger = reading.maybe_with_alias(CHAMPION), reading.maybe_with_alias(CHALLENGER)
        url = self.mlflow_url
        self.champion.object = str(model_cards.model_facts(champion, CHAMPION, url, as_of))
        self.challenger.object = str(model_cards.model_facts(challenger, CHALLENGER, url, as_of))
        self.slices.object = str(model_cards.slices(reading))
        self.drift.object = str(model_cards.drift(list(reading.drift), champion, window))
        offered = [f"{data_set}: {metric}" for data_set, metric in reading.figures()]
        chosen = self.state.metric if self.state.metric in offered else next(iter(offered), "")
        self._is_following = True
        self.metric.param.update(options=offered or [""], value=chosen, visible=bool(offered))
        self._is_following = False
        self.redraw()

    def redraw(self) -> None:
        """The chart of the metric, in the colours of the theme."""
        reading = self._shown
        if reading is None:
            return
        data_set, _, metric = self.metric.value.partition(": ")
        history = reading.history(data_set, metric)
        if history:
            self.chart_head.object = str(head("Metrics over versions", "◆ champion", is_chart=True))
            self.chart.object = interval_options(history, self.is_dark)
        else:
            self.chart_wait.object = str(
                states.empty("Nothing was measured yet", "every version", "Training measures a model.")
            )
        self.chart.visible = bool(history)
        self.chart_wait.visible = not history

    def _chosen(self, metric: str) -> None:
        if not self._is_following:
            self.state.metric = metric
            self.keep_url()
            self.redraw()
