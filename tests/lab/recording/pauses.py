"""How a client waits: a twentieth of what it means, and it says so.

The recording's times are stretched afterwards by what stands here (`publish`): between the start and the
end of a pause time runs as fast as it was meant to, outside of pauses as it did. People and bots wait by
this same rule. Used by the clients, which run in an environment of their own: no other import.
"""

from __future__ import annotations

import os
import time

SPEED = 20
LONGEST_WAIT_S = 6.0
"""Longer than the servers keep an idle connection (5 s): nothing more would happen."""
SHORT_WAIT_S = 0.3


def pause(meant_s: float, *, is_connected: bool = True) -> None:
    """Wait for what stands for `meant_s` seconds; not long if no open connection could end meanwhile."""
    started_us = time.time_ns() // 1000
    time.sleep(min(meant_s / SPEED, LONGEST_WAIT_S if is_connected else SHORT_WAIT_S))
    with open(os.environ["LAB_PAUSES"], "a") as out:
        out.write(f"{started_us} {time.time_ns() // 1000} {int(meant_s * 1e6)}\n")
