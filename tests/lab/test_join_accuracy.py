"""Requests of real clients get the hello of their own connection; the truth is a nonce that both carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lab.network import GATEWAY, GATEWAY_PORTS, NGINX_SERVER, QUIC_SERVER

from capture_agent.events import LEVELS

if TYPE_CHECKING:
    from tests.lab.conftest import ShortForm

pytestmark = [pytest.mark.root, pytest.mark.slow]

UNTOLD = "clock +500 ms, not told"
NOT_COUNTED = frozenset({"table", "sensor", "site", "ts", "run_id", *LEVELS})


def test_every_request_that_was_answered_has_one_row(short_form: ShortForm) -> None:
    """More rows than requests are an error of the measurement itself."""
    for name, phase in short_form.phases.items():
        assert (name, phase.rows) == (name, phase.sent)
    assert sum(phase.sent for phase in short_form.phases.values()) > 1_500


def test_joins_are_right_and_nearly_complete(short_form: ShortForm) -> None:
    for name, phase in short_form.phases.items():
        if name == UNTOLD:
            continue
        assert phase.precision >= 0.999, (name, phase)
        assert phase.observable_recall >= 0.995, (name, phase)


def test_connections_opened_while_the_agent_was_away_are_called_midstream(short_form: ShortForm) -> None:
    """Those opened before are no exception: the run before handed their hellos over."""
    phase = short_form.phases["agent restarted"]
    assert phase.older_rows == phase.sent - phase.observable > 0
    assert phase.older_midstream == phase.older_rows


def test_agent_says_which_clock_offset_would_help(short_form: ShortForm) -> None:
    *told, untold = short_form.runs
    for run in told:
        assert [line for line in run.log() if line["event"] == "clocks differ"] == []
    lines = [line for line in untold.log() if line["event"] == "clocks differ"]
    assert 480_000 < lines[-1]["better_clock_offset_us"] < 520_000


def test_phases_do_what_they_are_named_for(short_form: ShortForm) -> None:
    hellos = [row for run in short_form.runs for row in run.rows("raw_tls_hellos")]
    requests = [row for run in short_form.runs for row in run.rows("raw_http_requests")]
    resumed = {f"{one.nonce}.shop.test" for one in short_form.sent if one.is_resumed}
    assert len(resumed) > 40
    # OpenSSL's client offers a session by pre_shared_key, RFC 8446 section 4.2.11.
    assert {row["sni"] for row in hellos if row["has_psk"]} >= resumed
    assert {row["protocol"] for row in requests} == {"HTTP/1.1", "HTTP/2.0", "HTTP/3.0"}
    assert {row["transport"] for row in hellos} == {"tcp", "quic"}
    assert {row["dst_ip"] for row in requests} >= {NGINX_SERVER, QUIC_SERVER}
    behind_nat = [row for row in hellos if row["src_ip"] == GATEWAY and row["src_port"] in GATEWAY_PORTS]
    assert len(behind_nat) == 48 > 2 * len({row["src_port"] for row in behind_nat})
    assert max(row["segments"] for row in hellos) == 2  # Chromium's, for its post-quantum key share
    assert any(":" in row["peer_ip"] for row in requests)
    reused = {(row["src_ip"], row["src_port"], row["dst_ip"]) for row in hellos}
    assert len(hellos) - len(reused) > 50
    # At this join a log store fails.
    assert short_form.phases["port reused at once"].naive_precision < 0.7
    assert short_form.phases["one port, two servers"].naive_precision < 0.7


def test_agent_loses_nothing_and_its_books_balance(short_form: ShortForm) -> None:
    states = ("matched", "ambiguous", "midstream", "no_hello", "cleartext")
    for run in short_form.runs:
        ticks = run.rows("raw_agent_ticks")
        total = {name: sum(tick[name] for tick in ticks) for name in ticks[0] if name not in NOT_COUNTED}
        assert (total["frames_dropped_kernel"], total["http_events_lost"], total["rows_discarded"]) == (
            0,
            0,
            0,
        )
        assert total["http_events_seen"] == sum(total[f"requests_{state}"] for state in states)
        assert total["http_events_seen"] == len(run.rows("raw_http_requests"))
