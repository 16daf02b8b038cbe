"""The eight figures of the page of one JA4."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from markupsafe import Markup

from soc_dashboard.components.kpi import Kpi, change
from soc_dashboard.components.markup import compact, number, percent, score_text, utc_text
from soc_dashboard.components.states import asked_text
from soc_dashboard.store.fingerprint import FingerprintReading
from soc_dashboard.store.rows import FingerprintHour
from soc_dashboard.verdicts import BOTS
from soc_dashboard.window import WEEK


def fingerprint_kpis(reading: FingerprintReading) -> list[Kpi]:
    """Requests, clients, hosts, user agents, bot share, median score, unused hellos, surge."""
    totals, before = reading.totals, reading.before
    against = ""
    if before is not None:
        earlier = reading.window.comparison(reading.extent.oldest)
        is_week = earlier is not None and reading.window.since - earlier.since == WEEK
        against = "vs a week earlier" if is_week else "vs the span before"
    as_of = f"As of {utc_text(reading.as_of)}, {asked_text(reading.window)}."
    requests = sum(row.requests for row in reading.verdicts)
    bots = sum(row.requests for row in reading.verdicts if row.verdict in BOTS)
    hellos = sum(row.hellos for row in reading.hours)
    unused = sum(row.hellos_unused for row in reading.hours)
    surge, usual = _surge(reading)
    return [
        Kpi(
            "Requests",
            compact(requests),
            change(totals.requests, before.requests if before else None, against),
            f"Finished requests over connections with this handshake. {as_of}",
            _series(reading, lambda hour: hour.requests),
        ),
        Kpi(
            "Clients",
            number(totals.clients),
            change(totals.clients, before.clients if before else None, against),
            f"Distinct client addresses, of whole hours. {as_of}",
            _series(reading, lambda hour: hour.clients),
        ),
        Kpi(
            "Hosts",
            number(totals.hosts),
            change(totals.hosts, before.hosts if before else None, against),
            f"Distinct hosts asked for, of whole hours. {as_of}",
            _series(reading, lambda hour: hour.hosts),
        ),
        Kpi(
            "User agents",
            number(totals.user_agents),
            change(totals.user_agents, before.user_agents if before else None, against),
            f"Distinct user agents, each entity's commonest per hour. {as_of}",
            _series(reading, lambda hour: hour.user_agents),
        ),
        Kpi(
            "Bot share",
            percent(bots / requests if requests else None),
            Markup("of {} requests").format(compact(requests)),
            f"Requests of entities judged good bot or bad bot, of {number(requests)} requests. {as_of}",
            _series(reading, lambda hour: hour.bot_requests / hour.requests if hour.requests else None),
        ),
        Kpi(
            "Median score",
            score_text(totals.median_score),
            Markup("{}/{} h scored").format(number(totals.scored_entities), number(totals.entities)),
            "Median over entity hours of the share of training scores that lie below; 1 is the strangest. "
            f"{number(totals.scored_entities)} of {number(totals.entities)} entity hours had "
            f"enough requests. {as_of}",
            _series(reading, lambda hour: hour.median_score),
        ),
        Kpi(
            "Unused hellos",
            percent(unused / hellos if hellos else None),
            Markup("{} of {} hellos").format(number(unused), number(hellos)),
            "Handshakes that no request followed, which is what scanners leave, of "
            f"{number(hellos)} hellos. {as_of}",
            _series(reading, lambda hour: hour.hellos_unused),
        ),
        Kpi(
            "Surge",
            f"{surge:.1f}\u202fx" if surge is not None else "–",
            Markup("median hour {}").format(number(usual))
            if usual is not None
            else Markup("needs three full hours"),
            f"Requests of the newest full hour against the median of the other hours in the range. {as_of}",
            _series(reading, lambda hour: hour.requests),
        ),
    ]


def _series(
    reading: FingerprintReading, figure: Callable[[FingerprintHour], float | None]
) -> list[float | None]:
    """One value per full hour of the window; hours without rows count as zero.

    The hours that the window cuts are left out: they would look like a fall.
    """
    known = {hour.hour_s: figure(hour) for hour in reading.hours}
    first = -(-int(reading.window.since.timestamp()) // 3600) * 3600
    end = int(reading.window.until.timestamp()) // 3600 * 3600
    return [known.get(hour, 0.0) for hour in range(first, end, 3600)]


def _surge(reading: FingerprintReading) -> tuple[float | None, float | None]:
    until = int(reading.window.until.timestamp())
    full = [float(hour.requests) for hour in reading.hours if hour.hour_s + 3600 <= until]
    if len(full) < 3:
        return None, None
    usual = median(full[:-1])
    return (full[-1] / usual if usual else None), usual
