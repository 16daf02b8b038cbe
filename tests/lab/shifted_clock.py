"""Stands between web server and agent: keeps a copy of every event, or sets its clock wrong."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

TIMES = re.compile(rb'"(t_us|conn_start_us)":(\d+)')


class ShiftedClock:
    """Listens where the server reports, passes each line on to the agent; a context manager."""

    def __init__(
        self, from_server: Path, to_agent: Path, shift_us: int = 0, copy: Path | None = None
    ) -> None:
        """All times are moved by `shift_us`; every line is appended to `copy` as it came."""
        self._copy = None if copy is None else copy.open("ab", buffering=0)
        self._from_server = from_server
        self._to_agent = to_agent
        self._shift_us = shift_us
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._from_server.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self._from_server))
        self._from_server.chmod(0o666)
        listener.listen(64)
        self._open.append(listener)
        self._spawn(self._accept, listener)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(timeout=5)
        if self._copy is not None:
            self._copy.close()
        self._from_server.unlink(missing_ok=True)

    def _spawn(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                onward = socket.socket(socket.AF_UNIX)
                onward.connect(str(self._to_agent))
                self._open += [connection, onward]
                self._spawn(self._pass_on, connection, onward)

    def _pass_on(self, connection: socket.socket, onward: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for line in lines:
                if self._copy is not None:
                    self._copy.write(line)
                onward.sendall(TIMES.sub(self._shifted, line) if self._shift_us else line)

    def _shifted(self, field: re.Match[bytes]) -> bytes:
        return b'"%b":%d' % (field[1], int(field[2]) + self._shift_us)
