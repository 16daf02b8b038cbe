"""The difference between the clocks of packets and events is estimated, also where it prevents every join."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from capture_agent.correlate.clock_skew import BUCKET_US, FEWEST_SAMPLES, ClockSkew
from capture_agent.events import JoinState

CONNECTIONS = 400


def play(stage: Any, skew_ms: float) -> None:
    """Connections of 80 ms with a request some 12 ms after the hello; the server's clock is off."""
    dice = random.Random(1)
    for conn in range(CONNECTIONS):
        at, port = 1_000.0 + conn * 100, 30_000 + conn
        stage.opens(conn, at, port=port)
        stage.hello(conn, at + 5)
        read = at + 5 + 2 + dice.expovariate(1 / 10)
        seen = read + skew_ms
        stage.request(seen, port=port, start=at + 1 + skew_ms, conn_req=1, arrives=max(read, at + 6))
        stage.closes(conn, at + 80)
    stage.watch(1_000 + CONNECTIONS * 100 + 2_000)


@pytest.mark.parametrize("skew_ms", [0, -500, 500, -3, 30_000])
def test_skew_is_found_to_within_the_shortest_way_to_a_request(stage: Any, skew_ms: float) -> None:
    play(stage, skew_ms)
    estimate_us = stage.correlator.clock_skew_us
    assert skew_ms * 1_000 <= estimate_us <= skew_ms * 1_000 + 3_000
    better_us = stage.correlator.better_clock_offset_us
    assert better_us == (None if skew_ms == 0 else estimate_us)


@pytest.mark.parametrize("skew_ms", [-500, 500])
def test_offset_set_to_the_estimate_restores_the_joins(
    stage: Any, stage_with: Callable[..., Any], skew_ms: float
) -> None:
    play(stage, skew_ms)
    assert all(joined.state is JoinState.NO_HELLO for joined in stage.settled)
    corrected = stage_with(clock_offset_us=stage.correlator.clock_skew_us, tolerance_us=5_000)
    play(corrected, skew_ms)
    assert len(corrected.settled) == CONNECTIONS
    assert all(joined.state is JoinState.MATCHED for joined in corrected.settled)


def test_joins_that_a_wrong_clock_made_do_not_decide(stage: Any) -> None:
    """Ports that are used again within the difference: the first request falls into the next connection."""
    play(stage, 500)
    expected_us = stage.correlator.clock_skew_us
    begins = 1_000.0 + CONNECTIONS * 100 + 3_000
    for conn in range(100):
        at = begins + conn * 450
        stage.opens(10_000 + conn, at)
        stage.hello(10_000 + conn, at + 5)
        if conn:
            stage.request(at + 40, start=at + 30, conn_req=1)
        stage.closes(10_000 + conn, at + 400)
    wrong = [joined for joined in stage.settled if joined.state is JoinState.MATCHED]
    assert len(wrong) == 99
    assert stage.correlator.clock_skew_us == expected_us


def test_few_connections_say_nothing() -> None:
    skew = ClockSkew()
    for number in range(FEWEST_SAMPLES - 1):
        skew.add(number, number + 5)
    assert skew.estimate_us() is None
    skew.add(FEWEST_SAMPLES, FEWEST_SAMPLES + 7)
    assert skew.estimate_us() == 5


def test_wrong_pairs_of_one_moment_do_not_decide() -> None:
    skew = ClockSkew()
    for number in range(1_000):
        hello_us = number * BUCKET_US // 20
        skew.add(hello_us, hello_us + 2_000)
    skew.add(999 * BUCKET_US // 20, 0)
    assert skew.estimate_us() == 2_000


def test_clock_that_was_set_is_noticed_within_the_window() -> None:
    skew = ClockSkew()
    for number in range(200):
        offset_us = 0 if number < 100 else 700_000
        for within in range(5):
            hello_us = number * BUCKET_US + within
            skew.add(hello_us, hello_us + 2_000 + offset_us)
    assert skew.estimate_us() == 702_000
    assert len(skew._smallest) <= 60
