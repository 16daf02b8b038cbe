"""Reads access logs that a server sends as syslog datagrams to a UNIX socket: nginx, HAProxy.

The kernel queues few datagrams and a server drops what does not fit. Such lines have no numbers, so nothing
counts the loss.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path

from capture_agent.events import HttpEvent
from capture_agent.intake.line_intake import IntakeCounts, LineIntake
from capture_agent.intake.socket_file import SocketAccess, SocketFile

MAX_DATAGRAM_BYTES = 256 << 10
"""The kernel's default limit of a datagram is 212,992 bytes; nginx lines of 21 KB were seen."""
DATAGRAMS_PER_POLL = 1_024
ENOUGH_QUEUED = 512
"""Fewer datagrams than this are soon too few: with 10, a server lost one line in six at 6,000 requests/s."""
QUEUE_SETTING = Path("/proc/sys/net/unix/max_dgram_qlen")
_HEADER = re.compile(rb"\A<\d{1,3}>[^{]{0,512}?(?=\{)")
"""Priority, date, host and tag (RFC 3164 section 4.1) before the JSON object."""


class SyslogSource:
    """A datagram socket, one line each."""

    def __init__(self, path: Path, intake: LineIntake, access: SocketAccess) -> None:
        """Listen; raises UnusableSocketPath."""
        self._intake = intake
        self._file = SocketFile(path, socket.SOCK_DGRAM, access)
        self._socket = self._file.socket
        self._is_open = True

    @property
    def counts(self) -> IntakeCounts:
        """What became of the lines so far."""
        return self._intake.counts

    def fileno(self) -> int:
        """Readable while datagrams wait."""
        return self._socket.fileno()

    def poll(self) -> list[HttpEvent]:
        """Events of the datagrams that wait, up to a bound."""
        events = []
        for _ in range(DATAGRAMS_PER_POLL):
            try:
                datagram, _, flags, _ = self._socket.recvmsg(MAX_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                break
            event = self._intake.take(None if flags & socket.MSG_TRUNC else without_header(datagram))
            if event is not None:
                events.append(event)
        return events

    def close(self) -> None:
        """Remove the socket."""
        if self._is_open:
            self._is_open = False
            self._file.close()


def without_header(datagram: bytes) -> bytes:
    """The JSON object of a datagram; the datagram itself if it has no header of syslog."""
    match = _HEADER.match(datagram)
    return datagram[match.end() :] if match else datagram


def warn_of_short_queue(say: Callable[[str], None], setting: Path = QUEUE_SETTING) -> None:
    """Say so if the kernel queues so few datagrams that lines get lost; before the socket is made."""
    try:
        queued = int(setting.read_text())
    except (OSError, ValueError):
        return
    if queued < ENOUGH_QUEUED:
        say(
            f"the kernel queues {queued} datagrams on a UNIX socket; a busy server loses lines, uncounted. "
            "Set net.unix.max_dgram_qlen=4096 and start again, or let the server write to a file"
        )
