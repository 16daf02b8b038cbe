"""Reads events from the processes of a web server, each over a UNIX connection of its own.

A sender can be slow, gone, or not the web server at all: reading never waits, what a connection may hold is
bounded, and a sender that the agent cannot keep up with fills its own socket and drops there, with a number
missing for each event.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from dataclasses import dataclass, field
from pathlib import Path

from capture_agent.events import HttpEvent
from capture_agent.intake.line_buffer import LineBuffer
from capture_agent.intake.line_intake import IntakeCounts, LineIntake
from capture_agent.intake.socket_file import SocketAccess, SocketFile

MAX_LINE_BYTES = 256 << 10
"""mod_reqin_log sends 64 KiB at most; nginx lines of 21 KB were seen."""
MAX_CONNECTIONS = 1_024
"""One for each web server process; Apache's own default limit of processes is 16, prefork's 256."""
MAX_HELD_BYTES = 16 << 20
"""Unfinished lines of all connections together."""
READ_BYTES = 256 << 10
"""Read of one connection before the next has its turn; holds every SEQPACKET message of a bearable size."""
READS_PER_POLL = 64
BACKLOG = 512
_CREDENTIALS = struct.Struct("3i")


@dataclass(slots=True)
class _Sender:
    connection: socket.socket
    name: str
    lines: LineBuffer = field(default_factory=lambda: LineBuffer(MAX_LINE_BYTES))


class UnixSocketSource:
    """A listening socket and its connections. STREAM with one event a line, or SEQPACKET with whole lines."""

    def __init__(
        self,
        path: Path,
        intake: LineIntake,
        access: SocketAccess,
        kind: socket.SocketKind = socket.SOCK_STREAM,
    ) -> None:
        """Listen; raises UnusableSocketPath."""
        self._intake = intake
        self._is_packets = kind is socket.SOCK_SEQPACKET
        self._file = SocketFile(path, kind, access)
        self._file.socket.listen(BACKLOG)
        self._listener = self._file.socket
        self._senders: dict[int, _Sender] = {}
        self._ready = select.epoll()
        self._ready.register(self._listener.fileno(), select.EPOLLIN)
        self._held_bytes = 0
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def counts(self) -> IntakeCounts:
        """What became of the lines so far."""
        return self._intake.counts

    @property
    def connections(self) -> int:
        """Senders that are connected now."""
        return len(self._senders)

    def fileno(self) -> int:
        """Readable while a connection waits to be accepted or read."""
        return self._ready.fileno()

    def poll(self) -> list[HttpEvent]:
        """Events that have arrived, of each ready connection one read's worth."""
        events: list[HttpEvent] = []
        for number, _ in self._ready.poll(0, READS_PER_POLL):
            if number == self._listener.fileno():
                self._accept()
            else:
                self._read(self._senders[number], events)
        return events

    def close(self) -> None:
        """Hang up on every sender and remove the socket."""
        if self._ready.closed:
            return
        for sender in list(self._senders.values()):
            self._hang_up(sender)
        self._ready.close()
        os.close(self._reserve)
        self._file.close()
        self._intake.close()

    def _accept(self) -> None:
        for _ in range(BACKLOG):
            try:
                connection, _address = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._intake.report("not accepted", f"a connection was not accepted: {error.strerror}")
                self._refuse_one()
                return
            if len(self._senders) >= MAX_CONNECTIONS:
                self._intake.report("too many connections", f"more than {MAX_CONNECTIONS} connections")
                connection.close()
                continue
            connection.setblocking(False)
            self._senders[connection.fileno()] = _Sender(connection, _name_of(connection))
            self._ready.register(connection.fileno(), select.EPOLLIN)

    def _refuse_one(self) -> None:
        """Without a free descriptor the waiting connection would make `poll` spin: use the one in reserve."""
        os.close(self._reserve)
        with contextlib.suppress(OSError):
            self._listener.accept()[0].close()
        self._reserve = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)

    def _read(self, sender: _Sender, events: list[HttpEvent]) -> None:
        try:
            received, _, flags, _ = sender.connection.recvmsg(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            received, flags = b"", 0
        if not received:
            self._hang_up(sender)
            return
        if flags & socket.MSG_TRUNC:
            self._take(sender, None, events)
            return
        before = sender.lines.held_bytes
        for line in sender.lines.feed(received):
            self._take(sender, line, events)
        if self._is_packets and sender.lines.held_bytes:
            self._take(sender, sender.lines.take_rest(), events)
        self._held_bytes += sender.lines.held_bytes - before
        if self._held_bytes > MAX_HELD_BYTES:
            self._intake.reject("unfinished lines", "too many unfinished lines are held", sender.name)
            self._hang_up(sender)

    def _take(self, sender: _Sender, line: bytes | None, events: list[HttpEvent]) -> None:
        event = self._intake.take(line, sender.name)
        if event is not None:
            events.append(event)

    def _hang_up(self, sender: _Sender) -> None:
        self._held_bytes -= sender.lines.held_bytes
        # A line without its end was cut off in writing; the source sends it again, whole, to the next reader.
        sender.lines.give_up()
        del self._senders[sender.connection.fileno()]
        self._ready.unregister(sender.connection.fileno())
        sender.connection.close()


def _name_of(connection: socket.socket) -> str:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    process, user, _ = _CREDENTIALS.unpack(credentials)
    return f"process {process} of user {user}"
