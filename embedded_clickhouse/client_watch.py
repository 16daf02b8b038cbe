"""Notices clients that hang up while their query runs, so that the query does not run for nobody."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

POLL_INTERVAL_S = 0.5


class ClientWatch:
    """One thread that looks at the sockets of running queries twice a second."""

    def __init__(self, on_gone: Callable[[str], None]) -> None:
        self._on_gone = on_gone
        self._watched: dict[int, str] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        threading.Thread(target=self._loop, name="client-watch", daemon=True).start()

    @contextmanager
    def watched(self, connection: socket.socket, query_id: str) -> Iterator[None]:
        """Call `on_gone(query_id)` once if the client closes `connection` inside."""
        descriptor = connection.fileno()
        with self._lock:
            self._watched[descriptor] = query_id
        self._wake.set()
        try:
            yield
        finally:
            with self._lock:
                self._watched.pop(descriptor, None)

    def _loop(self) -> None:
        while True:
            self._wake.wait()
            threading.Event().wait(POLL_INTERVAL_S)
            for query_id in self._gone():
                self._on_gone(query_id)

    def _gone(self) -> list[str]:
        with self._lock:
            if not self._watched:
                self._wake.clear()
                return []
            poll = select.poll()
            for descriptor in self._watched:
                poll.register(descriptor, select.POLLRDHUP)
            return [self._watched.pop(descriptor) for descriptor, _ in poll.poll(0)]
