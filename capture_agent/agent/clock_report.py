"""What is said about the clocks of packets and HTTP events at the end of a replay or a run."""

from __future__ import annotations

from capture_agent.correlate.clock_skew import FEWEST_SAMPLES
from capture_agent.pipeline import Pipeline

US_PER_MS = 1_000


def clock_sentence(pipeline: Pipeline) -> str:
    """How far the clocks are apart, and the setting that helps where that costs joins."""
    skew_us = pipeline.clock_skew_us
    if skew_us is None:
        return f"clock skew unknown: fewer than {FEWEST_SAMPLES} connections had both a hello and a request"
    offset_us = pipeline.clock_offset_us
    offset = f" (JA4_JOIN_CLOCK_OFFSET_US={offset_us} taken off)" if offset_us else ""
    side = "ahead of" if skew_us >= 0 else "behind"
    apart = f"that of the HTTP events{offset} is {abs(skew_us) / US_PER_MS:.1f} ms {side} that of the packets"
    better_us = pipeline.better_clock_offset_us
    if better_us is not None:
        return f"clocks differ: {apart}; joins are better with JA4_JOIN_CLOCK_OFFSET_US={better_us}"
    if skew_us >= 0:
        return f"clocks agree: {apart} at most, no more than the way between client and server explains"
    return f"clocks agree: {apart}, within clock_tolerance_us"
