"""Estimates how far the clock of HTTP events is from the clock of packets.

A connection's first request cannot have been read before its hello arrived, and on some connections it is
read right after it. So the smallest of many differences request - hello, the lower envelope, is the
difference of the clocks plus the shortest way from the hello to the request: a round trip and some computing.
The smallest is taken for every ten seconds, and of those the median, because one request that was paired with
the hello of another connection would otherwise decide.
"""

from __future__ import annotations

from collections import deque
from statistics import median

US_PER_S = 1_000_000
WINDOW_US = 600 * US_PER_S
"""Differences older than this are forgotten once there are enough newer ones, so that a busy server's clock
that was set is noticed within ten minutes."""
BUCKET_US = 10 * US_PER_S
"""The window's step: one smallest difference is kept for each."""
FEWEST_SAMPLES = 20
"""Fewer connections say nothing: each may have waited for a slow client."""
FARTHEST_US = 3_600 * US_PER_S
"""A larger difference is another connection on the same ports, or a log read late, and no clock."""


class ClockSkew:
    """Keeps the smallest difference of each ten seconds of the last ten minutes."""

    def __init__(self) -> None:
        self._smallest: deque[list[int]] = deque()
        self._samples = 0

    def add(self, hello_us: int, first_request_us: int) -> None:
        """Note a connection's hello and the first request that came over it, each by its own clock."""
        difference_us = first_request_us - hello_us
        if abs(difference_us) > FARTHEST_US:
            return
        bucket = hello_us - hello_us % BUCKET_US
        if self._smallest and bucket <= self._smallest[-1][0]:
            newest = self._smallest[-1]
            newest[1] = min(newest[1], difference_us)
            newest[2] += 1
        else:
            self._smallest.append([bucket, difference_us, 1])
            self._forget_before(bucket - WINDOW_US)
        self._samples += 1

    def _forget_before(self, bucket: int) -> None:
        while self._smallest[0][0] <= bucket and self._samples - self._smallest[0][2] >= FEWEST_SAMPLES:
            self._samples -= self._smallest.popleft()[2]

    def estimate_us(self) -> int | None:
        """Clock of the events minus clock of the packets, at most; None after too few connections.

        Near 0 and positive with one clock: what is above 0 is the way from the hello to the request. Negative
        only if the clocks differ, or clients send early data.
        """
        if self._samples < FEWEST_SAMPLES:
            return None
        return round(median(smallest for _, smallest, _ in self._smallest))
