"""Old data, lost data and no data look different from each other and from good news."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from soc_dashboard.components.kpi import Kpi, kpi_row
from soc_dashboard.components.sensors import sensor_strip
from soc_dashboard.components.states import failed_banner, loss_banner, newest_link, stale_banner
from soc_dashboard.pages.overview import overview_kpis
from soc_dashboard.store.overview import Capture, Traffic
from soc_dashboard.store.rows import JoinAccuracy, NewSuspects, SensorLedger, VerdictTotal
from soc_dashboard.window import Window

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = Window(NOW - timedelta(hours=24), NOW)


def ledger(**changed: object) -> SensorLedger:
    counters: dict[str, object] = {
        "sensor": "web-01",
        "newest": NOW - timedelta(minutes=1),
        "frames_seen": 9_000,
        "frames_dropped_kernel": 0,
        "http_events_seen": 1_000,
        "http_events_lost": 0,
        "http_events_dropped": 0,
        "requests_matched": 990,
        "requests_tls": 1_000,
        "hellos": 100,
        "hellos_unused": 3,
    }
    return SensorLedger(**{**counters, **changed})  # type: ignore[arg-type]


def traffic(sensor: SensorLedger) -> Traffic:
    totals = (
        VerdictTotal(verdict="bad_bot", requests=200, entities=2),
        VerdictTotal(verdict="good_bot", requests=100, entities=1),
        VerdictTotal(verdict="human", requests=700, entities=9),
    )
    return Traffic(DAY, totals, NewSuspects(entities=2, suspicious=2), (sensor,))


def test_fresh_data_needs_no_banner() -> None:
    assert stale_banner(NOW - timedelta(minutes=9), DAY, NOW) == ""


def test_old_data_carries_its_age() -> None:
    banner = stale_banner(NOW - timedelta(minutes=42), DAY, NOW).striptags()
    assert "42 min ago" in banner
    assert "2026-11-22 11:18:00 UTC" in banner


def test_a_range_that_ends_before_the_newest_data_is_not_stale() -> None:
    past = Window(NOW - timedelta(days=2), NOW - timedelta(days=1))
    assert stale_banner(NOW - timedelta(hours=3), past, NOW) == ""


def test_loss_is_named_with_the_corrected_figure() -> None:
    banner = loss_banner(Capture((ledger(frames_dropped_kernel=1_000),)), 1_000).striptags()
    assert "sensors lost 10.00 % of frames" in banner
    assert "at least 1 000, about 1 111" in banner


def test_events_that_never_arrived_correct_a_part_as_they_do_the_whole() -> None:
    # A tenth of the 1,000 events that came is missing beside them, so of 200 requests about 20.
    banner = loss_banner(Capture((ledger(http_events_lost=100),)), 200).striptags()
    assert "100 HTTP events never arrived" in banner
    assert "at least 200, about 220" in banner


def test_small_loss_is_not_worth_a_strip() -> None:
    assert loss_banner(Capture((ledger(frames_dropped_kernel=1),)), 1_000) == ""


def test_low_join_rate_is_named() -> None:
    assert (
        "40.0 % of TLS requests have no handshake"
        in loss_banner(Capture((ledger(requests_matched=600),)), 1_000).striptags()
    )


def test_silent_sensor_is_marked_in_word_and_shape() -> None:
    strip = sensor_strip([ledger(newest=NOW - timedelta(hours=2))], [], NOW, DAY)
    assert "silent, last" in strip
    assert 'class="dot late"' in strip


def test_joins_that_a_canary_measured_stand_at_their_sensor_with_their_denominator() -> None:
    joins = JoinAccuracy(
        sensor=ledger().sensor,
        newest=NOW,
        requests=2_000,
        requests_right=1_990,
        requests_wrong=4,
        requests_unreported=3,
    )
    strip = sensor_strip([ledger(), ledger(sensor="other")], [joins], NOW, DAY)
    assert strip.count("canary: ") == 1
    assert "canary: precision 99.80 %, recall 99.50 % of 2 000" in strip.striptags()
    assert "as of 2026-11-22 12:00:00 UTC: 1\u202f990 of 2\u202f000 requests" in strip
    assert "4 with another one; 3 more were sent" in strip


def test_failed_read_keeps_the_time_of_the_last_figures() -> None:
    assert "Figures below are as of 2026-11-22 12:00:00 UTC." in failed_banner("top_hosts", "gone", NOW)
    assert "Figures below" not in failed_banner("top_hosts", "gone", None)


def test_offer_leads_to_the_last_day_with_data() -> None:
    link = newest_link(NOW)
    assert link is not None
    assert f"to={int(NOW.timestamp()) + 60}" in link
    assert newest_link(None) is None


def test_key_figures_name_their_denominator_and_time() -> None:
    kpis: dict[str, Kpi] = {kpi.label: kpi for kpi in overview_kpis(traffic(ledger()), None, NOW)}
    assert kpis["Bot share"].value == "30.0\u202f%"
    assert "of all 1\u202f000 requests" in kpis["Bot share"].definition
    assert "99.00\u202f%" in kpis["Capture loss"].sub
    assert all("As of 2026-11-22 12:00:00 UTC" in kpi.definition for kpi in kpis.values())
    assert kpi_row(list(kpis.values())).count('role="group"') == 4
