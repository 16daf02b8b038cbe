"""A browser's remote protocol (DevTools, WebDriver BiDi): commands over one WebSocket, answers by number."""

from __future__ import annotations

import json
from typing import Any

from websockets.sync.client import connect


class RemoteError(Exception):
    """The browser refused a command."""


class Remote:
    """One connection."""

    def __init__(self, url: str) -> None:
        self._socket = connect(url, max_size=None, open_timeout=30, ping_interval=None)
        self._sent = 0

    def call(self, method: str, session: str | None = None, **parameters: Any) -> Any:
        """The result of one command; events are not kept."""
        self._sent += 1
        command: dict[str, Any] = {"id": self._sent, "method": method, "params": parameters}
        if session:
            command["sessionId"] = session
        self._socket.send(json.dumps(command))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == self._sent:
                if "error" in message:
                    raise RemoteError(f"{method}: {message}")
                return message.get("result")

    def close(self) -> None:
        """End the connection."""
        self._socket.close()
