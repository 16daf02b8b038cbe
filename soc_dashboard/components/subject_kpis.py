"""The key figures of the page of one subject, each with its change, sparkline and denominator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from markupsafe import Markup

from soc_dashboard.components.kpi import Kpi, change
from soc_dashboard.components.markup import compact, number, percent, score_text, utc_text
from soc_dashboard.components.states import asked_text
from soc_dashboard.store.rows import HelloHour, SubjectHour, SubjectTotals
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.verdicts import BOTS
from soc_dashboard.window import WEEK, Window


class SubjectFigures:
    """Figures of one reading; a page picks eight."""

    def __init__(self, reading: SubjectReading) -> None:
        self._reading = reading
        self._requests = sum(row.requests for row in reading.verdicts)
        self._as_of = f"As of {utc_text(reading.as_of)}, {asked_text(reading.window)}."
        earlier = reading.window.comparison(reading.extent.oldest)
        is_week = earlier is not None and reading.window.since - earlier.since == WEEK
        self._against = "vs a week earlier" if is_week else "vs the span before"

    def requests(self) -> Kpi:
        """Finished requests."""
        return Kpi(
            "Requests",
            compact(self._requests),
            self._change(lambda totals: totals.requests),
            f"Finished requests of this subject. {self._as_of}",
            self._series(lambda hour: hour.requests),
        )

    def clients(self) -> Kpi:
        """Distinct client addresses."""
        return self._distinct(
            "Clients",
            "Distinct client addresses, of whole hours.",
            lambda totals: totals.clients,
            lambda hour: hour.clients,
        )

    def fingerprints(self) -> Kpi:
        """Distinct ja4_stable."""
        return self._distinct(
            "Fingerprints",
            "Distinct JA4 without the extensions that come and go; requests whose handshake was not seen "
            "count as one more.",
            lambda totals: totals.fingerprints,
            lambda hour: hour.fingerprints,
        )

    def hosts(self) -> Kpi:
        """Distinct hosts asked for."""
        return self._distinct(
            "Hosts",
            "Distinct hosts asked for, of whole hours.",
            lambda totals: totals.hosts,
            lambda hour: hour.hosts,
        )

    def user_agents(self) -> Kpi:
        """Distinct user agents."""
        return self._distinct(
            "User agents",
            "Distinct user agents, each entity's commonest per hour.",
            lambda totals: totals.user_agents,
            lambda hour: hour.user_agents,
        )

    def bot_share(self) -> Kpi:
        """Share of requests judged automated."""
        bots = sum(row.requests for row in self._reading.verdicts if row.verdict in BOTS)
        return Kpi(
            "Bot share",
            percent(bots / self._requests if self._requests else None),
            Markup("of {} requests").format(compact(self._requests)),
            f"Requests of entities judged good bot or bad bot, of {number(self._requests)} requests. "
            f"{self._as_of}",
            self._series(lambda hour: hour.bot_requests / hour.requests if hour.requests else None),
        )

    def median_score(self) -> Kpi:
        """Median anomaly score."""
        totals = self._reading.totals
        return Kpi(
            "Median score",
            score_text(totals.median_score),
            Markup("{}/{} h scored").format(number(totals.scored_entities), number(totals.entities)),
            "Median over entity hours of the share of training scores that lie below; 1 is the strangest. "
            f"{number(totals.scored_entities)} of {number(totals.entities)} entity hours had "
            f"enough requests. {self._as_of}",
            self._series(lambda hour: hour.median_score),
        )

    def failed_share(self) -> Kpi:
        """Share of requests that a 4xx answered."""
        totals = self._reading.totals
        return Kpi(
            "Refused or missing",
            percent(totals.errors_4xx / totals.requests if totals.requests else None),
            Markup("{} of {}").format(compact(totals.errors_4xx), compact(totals.requests)),
            f"Requests answered with a 4xx status, of {number(totals.requests)} of whole hours. "
            f"{self._as_of}",
            self._series(lambda hour: hour.errors_4xx / hour.requests if hour.requests else None),
        )

    def unused_hellos(self, hellos: Sequence[HelloHour]) -> Kpi:
        """Share of handshakes that no request followed."""
        whole = sum(row.hellos for row in hellos)
        unused = sum(row.hellos_unused for row in hellos)
        known = {row.hour_s: float(row.hellos_unused) for row in hellos}
        return Kpi(
            "Unused hellos",
            percent(unused / whole if whole else None),
            Markup("{} of {} hellos").format(number(unused), number(whole)),
            "Handshakes that no request followed, which is what scanners leave, of "
            f"{number(whole)} hellos. {self._as_of}",
            [known.get(hour, 0.0) for hour in full_hours(self._reading.window)],
        )

    def surge(self) -> Kpi:
        """The newest full hour against the usual one."""
        until = int(self._reading.window.until.timestamp())
        full = [float(hour.requests) for hour in self._reading.hours if hour.hour_s + 3600 <= until]
        usual = median(full[:-1]) if len(full) >= 3 else None
        return Kpi(
            "Surge",
            f"{full[-1] / usual:.1f}\u202fx" if usual else "–",
            Markup("median hour {}").format(number(usual))
            if usual is not None
            else Markup("needs three full hours"),
            "Requests of the newest full hour against the median of the other hours in the range. "
            f"{self._as_of}",
            self._series(lambda hour: hour.requests),
        )

    def _distinct(
        self,
        label: str,
        definition: str,
        total: Callable[[SubjectTotals], int],
        hourly: Callable[[SubjectHour], float],
    ) -> Kpi:
        return Kpi(
            label,
            number(total(self._reading.totals)),
            self._change(total),
            f"{definition} {self._as_of}",
            self._series(hourly),
        )

    def _change(self, total: Callable[[SubjectTotals], int]) -> Markup:
        before = self._reading.before
        return change(
            total(self._reading.totals), total(before) if before is not None else None, self._against
        )

    def _series(self, figure: Callable[[SubjectHour], float | None]) -> list[float | None]:
        """One value per full hour of the window; hours without rows count as zero."""
        known = {hour.hour_s: figure(hour) for hour in self._reading.hours}
        return [known.get(hour, 0.0) for hour in full_hours(self._reading.window)]


def full_hours(window: Window) -> range:
    """Starts of the hours that lie wholly in the window, seconds since the epoch.

    The hours that the window cuts are left out: they would look like a fall.
    """
    first = -(-int(window.since.timestamp()) // 3600) * 3600
    return range(first, int(window.until.timestamp()) // 3600 * 3600, 3600)
