"""Reports requests as mod_reqin_log does: processes with a connection and a count of their own."""

from __future__ import annotations

import contextlib
import socket
import time
from pathlib import Path

EVENT = (
    '{"ev":"end","v":1,"t_us":%d,"dur_us":%d,"src_ip":"%s","src_port":%d,"dst_ip":"%s","dst_port":443,'
    '"method":"GET","unparsed_uri":"/item/%d","proto":"HTTP/1.1","status":200,"scheme":"https","host":"shop.test",'
    '"conn_start_us":%d,"conn_req":%d,"bytes":5120,"source_id":"%s","source_seq":%d,'
    '"headers":[["Host","shop.test"],["User-Agent","soak/%s"],["Accept","text/html,*/*;q=0.8"],'
    '["Accept-Language","en-US,en;q=0.5"],["Accept-Encoding","gzip, deflate, br"],["Referer","https://shop.test/"],'
    '["Cookie",null],["Sec-Fetch-Site","same-origin"],["Sec-Fetch-Mode","navigate"],["Connection","keep-alive"]]}\n'
)
RECONNECT_S = 0.1
BUFFER_BYTES = 1 << 20
"""ReqinLogBuffer, as it is by default."""


class Child:
    """One process of a web server."""

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        self.numbered = 0
        """Requests served; each has a number, whether it could be reported or not."""
        self.dropped = 0
        """Of those, the ones nobody was there to hear of, or that found the buffer full."""
        self._path = path
        self._socket: socket.socket | None = None
        self._held = bytearray()
        self._next_try_s = 0.0

    def next_number(self) -> int:
        """The number of the next request."""
        self.numbered += 1
        return self.numbered

    def report(self, line: bytes) -> None:
        """Hold what was served until the next `flush`, if there is room for it."""
        if len(self._held) + len(line) > BUFFER_BYTES:
            self.dropped += 1
        else:
            self._held += line

    def flush(self) -> None:
        """Send what can be sent now. What nobody takes is dropped, as by a module without its agent."""
        if self._socket is None and not self._connect():
            self._drop_held()
            return
        assert self._socket is not None
        try:
            while self._held:
                del self._held[: self._socket.send(self._held)]
        except BlockingIOError:
            return
        except OSError:
            self._socket.close()
            self._socket = None
            self._drop_held()

    def close(self) -> None:
        """Hang up, after what is still under way."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.setblocking(True)
                self._socket.sendall(self._held)
            self._socket.close()

    def _drop_held(self) -> None:
        # A line of which a part was sent never arrived either.
        self.dropped += self._held.count(b"\n")
        self._held.clear()

    def _connect(self) -> bool:
        if time.monotonic() < self._next_try_s:
            return False
        self._next_try_s = time.monotonic() + RECONNECT_S
        connecting = socket.socket(socket.AF_UNIX)
        try:
            connecting.connect(str(self._path))
        except OSError:
            connecting.close()
            return False
        connecting.setblocking(False)
        self._socket = connecting
        return True
