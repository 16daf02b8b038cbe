"""Which epoch carried a request, and how sure that is: a pure function of what is known at that moment.

msgspec structs and not dataclasses: several are made for each request, at a tenth of the cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from capture_agent.correlate.epochs import Epoch
from capture_agent.events import JoinState

CERTAIN = 1.0
"""The SYN and the hello were seen and no other epoch comes into question."""
NEARLY_CERTAIN = 0.9
"""One epoch with a hello comes into question, with a reservation named in docs/reference/joins.md."""
NO_JOIN = 0.0
"""The row carries no hello."""

LAST_RESORT_US = 1_000
"""Tolerance where no epoch is within the one that is set: clocks of two hosts are about that far apart, and
a request that is near one connection only is better joined with it than with none."""


class RequestTimes(msgspec.Struct, frozen=True, gc=False):
    """When a request happened, on the packets' clock (us)."""

    at_us: int
    """Start of the request."""
    start_us: int | None
    """Start of its connection, if the server reports it."""
    error_us: int = 0
    """How coarsely the server writes times; comes on top of the difference between the clocks."""


class Judgement(msgspec.Struct, frozen=True):
    """The join of one request. `epoch` is None if no packet of the connection was seen."""

    state: JoinState
    candidates: int
    confidence: float
    epoch: Epoch | None


def epochs_containing(epochs: Sequence[Epoch], times: RequestTimes, tolerance_us: int) -> list[Epoch]:
    """Observed epochs that contain the start of the request's connection, or else the request."""
    tolerance_us += times.error_us
    found = [epoch for epoch in epochs if epoch.is_observed and _contains(epoch, times, tolerance_us)]
    if found or tolerance_us >= LAST_RESORT_US:
        return found
    return [epoch for epoch in epochs if epoch.is_observed and _contains(epoch, times, LAST_RESORT_US)]


def maybe_match(epochs: Sequence[Epoch], times: RequestTimes, tolerance_us: int) -> Judgement | None:
    """Match a TLS request with the epochs on its 5-tuple; None while no epoch in question has a hello.

    An epoch without a hello is no candidate: a TLS request cannot have come through it, unless its
    beginning was missed, which lowers the confidence.
    """
    containing = epochs_containing(epochs, times, tolerance_us)
    candidates = [epoch for epoch in containing if epoch.has_usable_hello]
    if not candidates:
        return None
    latest = candidates[-1]
    if len(candidates) == 1 and _may_have_changed_unseen(latest, times):
        return Judgement(JoinState.AMBIGUOUS, 2, 1 / 2, latest)
    if len(candidates) > 1:
        return Judgement(JoinState.AMBIGUOUS, len(candidates), 1 / len(candidates), latest)
    is_certain = (
        not any(epoch.is_midstream for epoch in containing)
        and not latest.is_resumed_after_idle
        and _contains(latest, times, 0)
    )
    return Judgement(JoinState.MATCHED, 1, CERTAIN if is_certain else NEARLY_CERTAIN, latest)


def judge_without_hello(
    epochs: Sequence[Epoch], times: RequestTimes, tolerance_us: int, capture_started_us: int | None
) -> Judgement:
    """Say why a TLS request stays without a hello, once waiting for one is over."""
    containing = epochs_containing(epochs, times, tolerance_us)
    midstream = [epoch for epoch in containing if epoch.is_midstream]
    if midstream:
        return Judgement(JoinState.MIDSTREAM, 0, NO_JOIN, midstream[-1])
    if containing:
        return Judgement(JoinState.NO_HELLO, 0, NO_JOIN, containing[-1])
    began_us = times.at_us if times.start_us is None else times.start_us
    is_older = capture_started_us is not None and began_us < capture_started_us
    return Judgement(JoinState.MIDSTREAM if is_older else JoinState.NO_HELLO, 0, NO_JOIN, None)


def _may_have_changed_unseen(epoch: Epoch, times: RequestTimes) -> bool:
    """Nobody knows whether the connection that carried the request began while the agent was away."""
    unseen_from_us = epoch.unseen_from_us
    return unseen_from_us is not None and times.start_us is None and times.at_us > unseen_from_us


def _contains(epoch: Epoch, times: RequestTimes, tolerance_us: int) -> bool:
    # The connection's start decides wherever it is known: a request may be read long after the client
    # sent FIN, and a later connection on the same ports may be open by then. An epoch met in midstream
    # began before its first packet, so only the request itself can be compared with that.
    began_us = times.at_us if times.start_us is None or epoch.is_midstream else times.start_us
    if began_us < epoch.opened_us - tolerance_us:
        return False
    if epoch.unseen_from_us is not None and (times.start_us or 0) > epoch.unseen_from_us + tolerance_us:
        return False
    return epoch.closed_us is None or began_us <= epoch.closed_us + tolerance_us
