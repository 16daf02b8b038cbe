"""The sensors: what they saw, what became of it, what was lost and where."""

from __future__ import annotations

from datetime import datetime

from soc_dashboard.components import charts, states
from soc_dashboard.components.cards import card, head
from soc_dashboard.components.kpi import kpi_row
from soc_dashboard.components.markup import html_pane
from soc_dashboard.components.sensor_books import sensor_cards, sensor_kpis
from soc_dashboard.pages.brush import zoom_to_bars
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.sensors import SensorReading, read_sensors
from soc_dashboard.window import Window

TIMELINE_PX = 150


class SensorsPage(PageSession):
    """Four figures, how requests were joined over time, and the books of every sensor."""

    title = "Sensors"
    path = "/sensors"

    def __init__(self, **session: object) -> None:
        super().__init__(**session)  # type: ignore[arg-type]
        self.kpis = html_pane(states.skeleton_kpis(4))
        self.timeline_head = html_pane(head("Requests by how they met their handshake", "drag to zoom"))
        self.timeline = charts.chart(TIMELINE_PX)
        self.timeline.visible = False
        self.timeline_wait = html_pane(states.skeleton_block(TIMELINE_PX - 24))
        self.books = html_pane(states.skeleton_block(220))
        self._shown: SensorReading | None = None
        self._bars = charts.brushable(self.timeline, lambda first, last: zoom_to_bars(self, first, last))

    def body(self) -> list[object]:
        """Panes in reading order."""
        return [
            self.kpis,
            card(self.timeline_head, self.timeline_wait, self.timeline, self._bars),
            self.books,
        ]

    async def read(self, window: Window, as_of: datetime) -> None:
        """Everything at once."""
        reading = await read_sensors(self.marts, window)
        self._shown = reading
        until = min(window.until, as_of)
        newest = max((row.newest for row in reading.sensors), default=None)
        self.notice(states.stale_banner(newest, window, as_of))
        self.kpis.object = str(kpi_row(sensor_kpis(reading.sensors, until, window)))
        self.books.object = str(sensor_cards(reading.sensors, reading.joins, until, as_of, window))
        self.redraw()

    def redraw(self) -> None:
        """The timeline, in the colours of the theme."""
        reading = self._shown
        if reading is None:
            return
        if reading.timeline:
            self.timeline.object = charts.join_timeline_options(reading.timeline, self.window, self.is_dark)
        else:
            self.timeline_wait.object = str(
                states.empty(
                    "No requests in this range",
                    states.asked_text(self.window),
                    "Widen the range to see more.",
                )
            )
        self.timeline.visible = bool(reading.timeline)
        self.timeline_wait.visible = not reading.timeline
