"""The books of the sensors: what came in, what became of it, what was lost and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from markupsafe import Markup

from soc_dashboard.components.kpi import Kpi
from soc_dashboard.components.markup import ago, compact, joined, number, percent, text, utc_text
from soc_dashboard.components.states import (
    JOIN_WORTH_SAYING,
    LOSS_WORTH_SAYING,
    STALE_AFTER,
    asked_text,
    empty,
)
from soc_dashboard.store.rows import JoinAccuracy
from soc_dashboard.store.sensor_rows import SensorBooks
from soc_dashboard.window import Window

SKEW_WORTH_SAYING_US = 50_000
"""A clock that is further off joins requests with the handshake of another connection."""
_Line = tuple[str, int, str, bool]
"""Name, count, what it means, and whether it is worth a second look."""


def sensor_kpis(sensors: Sequence[SensorBooks], until: datetime, window: Window) -> list[Kpi]:
    """Four figures over all sensors."""
    alive = [row for row in sensors if until - row.newest <= STALE_AFTER]
    frames = sum(row.frames_seen + row.frames_dropped_kernel for row in sensors)
    dropped = sum(row.frames_dropped_kernel for row in sensors)
    lost = sum(row.http_events_lost + row.http_events_dropped for row in sensors)
    events = sum(row.http_events_seen + row.http_events_lost for row in sensors)
    tls = sum(row.requests_tls for row in sensors)
    matched = sum(row.requests_matched for row in sensors)
    as_of = f"As of {utc_text(until)}, {asked_text(window)}."
    silent = len(sensors) - len(alive)
    return [
        Kpi(
            "Sensors reporting",
            f"{number(len(alive))} of {number(len(sensors))}",
            Markup('<b class="worse">{} silent</b>').format(number(silent))
            if silent
            else Markup("none silent"),
            f"Sensors whose last minute is at most {STALE_AFTER.seconds // 60} minutes old, of those that "
            f"reported in the range or in the week before it. {as_of}",
        ),
        Kpi(
            "Capture loss",
            percent(dropped / frames if frames else None, 2),
            Markup("<b>{}</b> of {} frames").format(number(dropped), compact(frames)),
            f"Frames that the kernel dropped before a sensor could read them. {as_of}",
        ),
        Kpi(
            "Requests joined",
            percent(matched / tls if tls else None, 2),
            Markup("<b>{}</b> of {} over TLS").format(compact(matched), compact(tls)),
            f"Requests joined with the handshake of their connection, of all over TLS. {as_of}",
        ),
        Kpi(
            "HTTP events lost",
            number(lost),
            Markup("of {}").format(compact(events)),
            "Events that never arrived, by gaps in their numbers, or were given up because a buffer was "
            f"full. {as_of}",
        ),
    ]


def sensor_cards(
    sensors: Sequence[SensorBooks],
    joins: Sequence[JoinAccuracy],
    until: datetime,
    now: datetime,
    window: Window,
) -> Markup:
    """One card per sensor; says so when none reported."""
    if not sensors:
        return empty(
            "No sensor reported",
            asked_text(window),
            "Nor in the week before. `ja4-agent status` on the server tells what it does.",
        )
    measured = {row.sensor: row for row in joins}
    return joined([_card(row, measured, until, now) for row in sensors])


def _card(row: SensorBooks, joins: Mapping[str, JoinAccuracy], until: datetime, now: datetime) -> Markup:
    is_late = until - row.newest > STALE_AFTER
    return Markup(
        '<section class="books" aria-label="Sensor {}"><header><span class="dot{}"></span><h2>{}</h2>{}'
        '<span class="muted">{}{}</span></header><div class="facts-row">{}</div>'
        '<div class="ledger">{}{}{}{}</div></section>'
    ).format(
        text(row.sensor, 80),
        " late" if is_late else "",
        text(row.sensor, 80),
        Markup('<span class="known">{}</span>').format(text(row.site, 60)) if row.site else "",
        "silent, last minute " if is_late else "last minute ",
        ago(row.newest, now),
        joined(_headline(row, joins.get(row.sensor), until)),
        _ledger("Frames in", row.frames_seen + row.frames_dropped_kernel, _frames(row)),
        _ledger("Hellos", _hellos_total(row), _hellos(row)),
        _ledger("HTTP events in", row.http_events_seen, _events(row)),
        _ledger("Rows out", row.rows_inserted, _rows(row)),
    )


def _headline(row: SensorBooks, joins: JoinAccuracy | None, until: datetime) -> list[Markup]:
    skew = "unknown" if row.clock_skew_us is None else f"{row.clock_skew_us / 1000:+.1f} ms"
    lag = max(until - row.newest, timedelta(0))
    facts = [
        ("Loss", percent(row.loss_ratio, 2), (row.loss_ratio or 0) > LOSS_WORTH_SAYING, "of its frames"),
        (
            "Joined",
            percent(row.join_ratio, 2),
            row.join_ratio is not None and row.join_ratio < JOIN_WORTH_SAYING,
            "of its requests over TLS",
        ),
        ("Lag", f"{lag.total_seconds():.0f} s", lag > STALE_AFTER, "since its last minute began"),
        (
            "Clock skew",
            skew,
            abs(row.clock_skew_us or 0) > SKEW_WORTH_SAYING_US,
            "HTTP events against packets",
        ),
        ("Waiting", number(row.requests_waiting), False, "requests for their hello"),
    ]
    shown = [
        Markup('<span><i>{}</i><b class="{}">{}</b><small>{}</small></span>').format(
            name, "worse" if is_bad else "", value, words
        )
        for name, value, is_bad, words in facts
    ]
    return [*shown, _join_quality(joins)]


def _join_quality(joins: JoinAccuracy | None) -> Markup:
    """Precision and recall where a canary measures them."""
    if joins is None:
        return Markup("<span><i>Join quality</i><b>not measured</b><small>no canary runs here</small></span>")
    return Markup(
        '<span title="{} of {} requests of the canary were joined with their own handshake, {} with another '
        'one; {} more were sent and not reported."><i>Join quality</i><b>{} / {}</b>'
        "<small>precision / recall of {}</small></span>"
    ).format(
        number(joins.requests_right),
        number(joins.requests),
        number(joins.requests_wrong),
        number(joins.requests_unreported),
        percent(joins.precision, 2),
        percent(joins.recall, 2),
        compact(joins.requests),
    )


def _frames(row: SensorBooks) -> list[_Line]:
    return [
        ("read", row.frames_seen, "read by the sensor", False),
        ("dropped", row.frames_dropped_kernel, "lost: the kernel's ring was full", True),
        ("undecodable", row.frames_undecodable, "read, but cut or of an unknown form", False),
    ]


def _hellos_total(row: SensorBooks) -> int:
    return row.hellos_complete + row.hellos_reassembled + row.hellos_truncated + row.hellos_malformed


def _hellos(row: SensorBooks) -> list[_Line]:
    return [
        ("complete", row.hellos_complete, "in one segment", False),
        ("reassembled", row.hellos_reassembled, "from several segments", False),
        ("truncated", row.hellos_truncated, "part of it was never seen", True),
        ("malformed", row.hellos_malformed, "against the specification: evidence, not loss", False),
        ("given up", row.half_hellos_evicted, "half hellos beyond a bound of size or time", True),
        ("unused", row.hellos_unused, "no request followed: what scanners leave", False),
    ]


def _events(row: SensorBooks) -> list[_Line]:
    lines: list[_Line] = [
        ("matched", row.requests_matched, "joined with its own handshake", False),
        ("ambiguous", row.requests_ambiguous, "several handshakes fit", True),
        ("midstream", row.requests_midstream, "the connection is older than the sensor's run", False),
        ("no hello", row.requests_no_hello, "no handshake was seen", True),
        ("cleartext", row.requests_cleartext, "without TLS", False),
        ("excluded", row.http_events_excluded, "left out by the lists of its settings", False),
        ("duplicate", row.http_events_duplicate, "told twice", False),
        ("rejected", row.http_events_rejected, "lost: could not be read", True),
        ("dropped", row.http_events_dropped, "lost: a buffer was full", True),
        ("never arrived", row.http_events_lost, "lost: gaps in the numbers of their source", True),
    ]
    if row.unbooked > 0:
        lines.append(
            ("under way", row.unbooked, "waiting for a hello, or for the next minute's books", False)
        )
    return lines


def _rows(row: SensorBooks) -> list[_Line]:
    return [
        ("stored", row.rows_inserted, "acknowledged by the database", False),
        ("spooled", row.rows_spooled, "kept on disk while the database was away", False),
        ("discarded", row.rows_discarded, "lost: refused, or the spool was full", True),
        ("evicted", row.evicted_full, "connections forgotten because a table was full", True),
    ]


def _ledger(title: str, total: int, lines: Sequence[_Line]) -> Markup:
    """One account: its total and what it is made of; lines that are zero are left out but for the first."""
    shown = [
        Markup('<tr title="{}"><td>{}</td><td class="num{}">{}</td></tr>').format(
            meaning, name, " worse" if is_loss and count else "", number(count)
        )
        for at, (name, count, meaning, is_loss) in enumerate(lines)
        if count or at == 0
    ]
    return Markup(
        '<table><thead><tr><th>{}</th><th class="num">{}</th></tr></thead><tbody>{}</tbody></table>'
    ).format(title, number(total), joined(shown))
