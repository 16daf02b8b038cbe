"""What the canary does in each round: one connection of every shape that joins have to cope with."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from capture_agent.canary.connection import CanaryConnection, Target, VisitFailed
from capture_agent.canary.token import CanaryKey, request_nonce, server_name_label

RUN_BYTES = 8
MAX_COMPLAINTS = 4


class Shape(StrEnum):
    """How a connection is used."""

    SINGLE = "single"
    """One request over HTTP/1.1, then close."""
    KEEP_ALIVE = "keep_alive"
    """Three requests over HTTP/1.1, one after another."""
    HTTP2 = "http2"
    """Four streams at once."""
    RESUMED = "resumed"
    """One request, then one on a new connection that resumes the session of the first."""


REQUESTS = {Shape.SINGLE: 1, Shape.KEEP_ALIVE: 3, Shape.HTTP2: 4, Shape.RESUMED: 1}


@dataclass(slots=True)
class RoundReport:
    """What one round, or all of them, came to."""

    connections: int = 0
    sent: int = 0
    """Requests that were given a number and written."""
    answered: int = 0
    resumed: int = 0
    """Connections whose session the server took up again."""
    complaints: list[str] = field(default_factory=list)
    """Why connections failed, the first few."""

    def add(self, other: RoundReport) -> None:
        """Count another round in."""
        self.connections += other.connections
        self.sent += other.sent
        self.answered += other.answered
        self.resumed += other.resumed


class Canary:
    """Numbers connections and requests of one run, and makes the rounds."""

    def __init__(self, key: CanaryKey, target: Target, clock_s: Callable[[], float]) -> None:
        self.run = secrets.token_hex(RUN_BYTES)
        self._key = key
        self._target = target
        self._clock_s = clock_s
        self._connections = 0
        self._requests = 0

    def round(self, shapes: tuple[Shape, ...] = tuple(Shape)) -> RoundReport:
        """One connection of each shape; a failure is reported and keeps no other from being made."""
        report = RoundReport()
        for shape in shapes:
            try:
                self._visit(shape, report)
            except (OSError, VisitFailed) as error:
                if len(report.complaints) < MAX_COMPLAINTS:
                    report.complaints.append(f"{shape}: {error}")
        return report

    def _visit(self, shape: Shape, report: RoundReport) -> None:
        protocol = "h2" if shape is Shape.HTTP2 else "http/1.1"
        with self._connect(protocol, None, report) as connection:
            self._ask(connection, REQUESTS[shape], report)
            session = connection.session
        if shape is Shape.RESUMED:
            with self._connect(protocol, session, report) as connection:
                report.resumed += connection.is_resumed
                self._ask(connection, REQUESTS[shape], report)

    def _connect(
        self, protocol: str, session: ssl.SSLSession | None, report: RoundReport
    ) -> CanaryConnection:
        self._connections += 1
        label = server_name_label(self.run, self._connections)
        connection = CanaryConnection(self._target, label, protocol, session)
        report.connections += 1
        return connection

    def _ask(self, connection: CanaryConnection, count: int, report: RoundReport) -> None:
        user_agents = list(self._user_agents(count))
        report.sent += count
        report.answered += connection.ask(user_agents)

    def _user_agents(self, count: int) -> Iterator[str]:
        for _ in range(count):
            self._requests += 1
            nonce = request_nonce(self.run, self._connections, self._requests)
            yield self._key.user_agent(nonce, int(self._clock_s()))
