"""The overview: is something wrong now, and who is it."""

from __future__ import annotations

import asyncio
from datetime import datetime

import panel as pn
from markupsafe import Markup

from soc_dashboard.components import charts, states
from soc_dashboard.components.attention import MAX_CAMPAIGNS, MAX_SHOWN, attention_list
from soc_dashboard.components.cards import card, grid, head, head_pane, verdict_legend
from soc_dashboard.components.hosts import host_bars
from soc_dashboard.components.kpi import Kpi, change, change_points, kpi_row
from soc_dashboard.components.looked import maybe_last_look
from soc_dashboard.components.markup import compact, html_pane, number, percent, utc_text
from soc_dashboard.components.sensors import sensor_strip
from soc_dashboard.components.shell import carried_query
from soc_dashboard.pages.brush import zoom_to_bars
from soc_dashboard.pages.session import PageSession
from soc_dashboard.store.alerts import read_alerts
from soc_dashboard.store.campaigns import OPEN, read_campaigns
from soc_dashboard.store.overview import Overview, PageRequest, Traffic, read_overview, read_traffic
from soc_dashboard.window import WEEK, Window

TIMELINE_PX = 190


class OverviewPage(PageSession):
    """Four figures, the timeline, the hosts under attack, what asks for a decision, and the sensors."""

    title = "Overview"
    path = "/"

    def __init__(self, **session: object) -> None:
        super().__init__(**session)  # type: ignore[arg-type]
        self.kpis = html_pane(states.skeleton_kpis(4))
        self.timeline_head = html_pane(head("Requests over time", "by verdict; drag to zoom"))
        self.timeline = charts.chart(TIMELINE_PX)
        self.timeline.visible = False
        self.timeline_wait = html_pane(states.skeleton_block(TIMELINE_PX - 24))
        self.hosts = html_pane(states.skeleton_block(TIMELINE_PX))
        self.sensors = html_pane(states.skeleton_block(20))
        self.attention = html_pane(states.skeleton_block(260))
        self._looked = maybe_last_look(dict(pn.state.cookies or {}), self.clock())
        self._shown: Overview | None = None
        self._bars = charts.brushable(self.timeline, lambda first, last: zoom_to_bars(self, first, last))

    def body(self) -> list[object]:
        """Panes in reading order."""
        return [
            self.kpis,
            grid(
                "wide-narrow",
                card(self.timeline_head, self.timeline_wait, self.timeline, self._bars),
                card(head_pane("Hosts under attack", "hostile requests"), self.hosts),
            ),
            card(self.attention),
            card(self.sensors),
        ]

    async def read(self, window: Window, as_of: datetime) -> None:
        """Figures and list, both in parallel reads."""
        _, overview, alerts, campaigns = await asyncio.gather(
            self._show_first_figures(window, as_of),
            read_overview(self.marts, window, as_of),
            read_alerts(self.marts, (), window, PageRequest(page_rows=MAX_SHOWN)),
            read_campaigns(self.marts, window, PageRequest(page_rows=MAX_CAMPAIGNS), OPEN),
        )
        self._shown = overview
        self.notice(
            states.stale_banner(overview.extent.newest, window, as_of)
            + states.loss_banner(overview.now.capture, overview.now.requests)
        )
        self.kpis.object = str(kpi_row(overview_kpis(overview.now, overview.before, as_of)))
        span = carried_query(self.time_range)
        self.hosts.object = str(host_bars(overview.hosts, window, span))
        self.attention.object = str(attention_list(campaigns, alerts, self._looked, window, as_of, span))
        self.sensors.object = str(sensor_strip(overview.now.sensors, overview.joins, as_of, window))
        self.redraw()

    async def _show_first_figures(self, window: Window, as_of: datetime) -> None:
        """The figures of a page just opened, while the span they are compared with is still read."""
        now = await read_traffic(self.marts, window)
        if self._shown is None:
            self.kpis.object = str(kpi_row(overview_kpis(now, None, as_of)))

    def redraw(self) -> None:
        """The timeline, in the colours of the theme."""
        overview = self._shown
        if overview is None:
            return
        self.timeline_head.object = str(
            head(
                "Requests over time",
                "drag to zoom",
                verdict_legend(overview.now.totals) if overview.now.requests else None,
                is_chart=bool(overview.now.requests),
            )
        )
        if overview.now.requests:
            self.timeline.object = charts.timeline_options(
                overview.timeline, overview.now.window, self.is_dark
            )
        else:
            newest = overview.extent.newest
            advice = (
                f"The newest request is from {utc_text(newest)}." if newest else "Nothing was recorded yet."
            )
            self.timeline_wait.object = str(
                states.empty(
                    "No requests in this range",
                    states.asked_text(overview.now.window),
                    advice,
                    states.newest_link(newest),
                )
            )
        self.timeline.visible = bool(overview.now.requests)
        self.timeline_wait.visible = not overview.now.requests


def overview_kpis(now: Traffic, before: Traffic | None, as_of: datetime) -> list[Kpi]:
    """The four figures that matter; `before` is what they are compared with."""
    against = compared_with(before.window if before else None, now.window)
    asked = f"As of {utc_text(as_of)}, {states.asked_text(now.window)}."
    suspicious = now.verdict_ratio("suspicious")
    tls = sum(row.requests_tls for row in now.sensors)
    frames = sum(row.frames_seen for row in now.sensors)
    return [
        Kpi(
            "Requests",
            compact(now.requests),
            change(now.requests, before.requests if before else None, against),
            f"Finished requests that the sensors reported, all hosts. {asked}",
        ),
        Kpi(
            "Bot share",
            percent(now.bot_ratio),
            change_points(now.bot_ratio, before.bot_ratio if before else None, against, more_is_worse=True)
            + Markup(" · suspicious <b>{}</b>").format(percent(suspicious)),
            "Requests from entities judged good bot or bad bot, of all "
            f"{number(now.requests)} requests; suspicious ones are counted apart. {asked}",
        ),
        Kpi(
            "New suspicious entities",
            number(now.suspects.entities),
            change(
                now.suspects.entities,
                before.suspects.entities if before else None,
                against,
                more_is_worse=True,
            )
            + Markup(" · of <b>{}</b>").format(number(now.suspects.suspicious)),
            "Client, fingerprint and host judged suspicious or bad bot in this range and not in "
            "the seven days "
            f"before it, of {number(now.suspects.suspicious)} so judged. {asked}",
        ),
        Kpi(
            "Capture loss",
            percent(now.capture.loss_ratio, 2),
            Markup("<b>{}</b> of TLS requests joined").format(percent(now.capture.join_ratio, 2)),
            f"Frames dropped by the kernel, of {number(frames)} frames; joined means that the "
            "handshake of the "
            f"connection was seen, of {number(tls)} TLS requests. {asked}",
        ),
    ]


def compared_with(earlier: Window | None, now: Window) -> str:
    """The comparison in words."""
    if earlier is None:
        return ""
    return "vs a week earlier" if now.since - earlier.since == WEEK else "vs the span before"
