"""The thread that takes one step of delivery after the other, and pauses between them."""

from __future__ import annotations

import threading
from collections.abc import Callable

IDLE_S = 1.0
"""How often an empty outbox is looked at although nothing was put in: a batch that was passed over is due."""


class SenderThread:
    """Calls `step` until it is stopped; `step` says how long to pause."""

    def __init__(self, name: str, step: Callable[[], float | None]) -> None:
        self._step = step
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"sender-{name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There is something to send: end the wait for it, but not the pause after a failure."""
        self._wake.set()

    def stop(self, within_s: float) -> None:
        """End after the current step, or leave it alone when it takes too long."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(within_s)

    def _work(self) -> None:
        while not self._stopping.is_set():
            pause_s = self._step()
            if pause_s is None:
                self._wake.wait(IDLE_S)
                self._wake.clear()
            elif pause_s:
                self._stopping.wait(pause_s)
