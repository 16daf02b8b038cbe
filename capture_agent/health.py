"""Whether the agent lives, and whether it does its work: reasons, in words an operator can act on.

Alive (`/healthz`) is for what restarts it: a database that is away is no reason to. Ready (`/readyz`) is for
who wants to know whether rows arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from capture_agent.metrics import AgentState

STALE_S = 10.0
"""The state is renewed every second; when it is this old, the agent hangs."""
NEARLY_FULL = 0.9
"""Share of a bound from which on it is told: behind the bound, rows are discarded."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the settings promise."""

    queue_rows: int
    """Rows that may wait in memory for a sink."""
    spool_bytes: int
    """Disk that the spool may use; 0: there is none."""
    sockets: Sequence[Path] = ()
    """Where web servers hand over what they served."""


def reasons_not_alive(state: AgentState | None, now_s: float) -> list[str]:
    """Why the agent should be restarted; empty if it should not. `now_s` is monotonic."""
    if state is not None and now_s - state.at_s > STALE_S:
        return [f"no progress for {now_s - state.at_s:.0f} s"]
    return []


def reasons_not_ready(state: AgentState | None, now_s: float, expected: Expected) -> list[str]:
    """Why rows are missing, or soon will be; empty if all is well."""
    if state is None:
        return ["starting"]
    reasons = reasons_not_alive(state, now_s)
    reasons += [f"interface {name} is not captured" for name, one in state.captures.items() if not one.is_up]
    reasons += [f"requests of {name} are not read" for name, is_up in state.sources.items() if not is_up]
    reasons += [f"{path}: the socket is gone" for path in expected.sockets if not path.is_socket()]
    for name, sink in state.sinks.items():
        if not sink.is_up:
            reasons.append(f"sink {name} cannot be used")
        if sink.queued >= NEARLY_FULL * expected.queue_rows:
            reasons.append(f"sink {name}: {sink.queued} rows wait, of at most {expected.queue_rows}")
        if expected.spool_bytes and sink.spool.file_bytes >= NEARLY_FULL * expected.spool_bytes:
            reasons.append(
                f"sink {name}: the spool holds {sink.spool.file_bytes} bytes, of at most "
                f"{expected.spool_bytes}"
            )
    return reasons
