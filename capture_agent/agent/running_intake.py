"""From settings to the sources of HTTP events of a live agent."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from capture_agent.agent.composition import normal_form
from capture_agent.canary.secret import UnusableSecret
from capture_agent.intake.event_books import EventBooks
from capture_agent.intake.follow import FollowSource
from capture_agent.intake.formats import line_decoder
from capture_agent.intake.kept_numbers import KeptNumbers
from capture_agent.intake.limited_report import LimitedReport
from capture_agent.intake.line_intake import LineIntake
from capture_agent.intake.live_intake import LiveIntake, PolledSource
from capture_agent.intake.mapping import UnusableMapping
from capture_agent.intake.normal_form import NormalForm
from capture_agent.intake.sequence import SequenceGaps
from capture_agent.intake.socket_file import SocketAccess, UnusableSocketPath
from capture_agent.intake.syslog import SyslogSource, warn_of_short_queue
from capture_agent.intake.unix_socket import UnixSocketSource
from capture_agent.ports import ResumableRequestSource
from capture_agent.settings.http import HttpSource
from capture_agent.settings.whole import Settings


class UnusableHttpSource(Exception):  # noqa: N818 - named for the source that it refuses
    """A source of HTTP events cannot be opened; the text names it and says why."""


class RequestSources:
    """The sources of one agent, and what reads their lines."""

    def __init__(self, sources: list[ResumableRequestSource], intakes: list[tuple[str, LineIntake]]) -> None:
        """`intakes`: each with its format."""
        self.sources = sources
        self._intakes = intakes

    def book(self, books: EventBooks) -> None:
        """Count events in books that outlive a kill; to be called before the first event."""
        for _, intake in self._intakes:
            intake.book(books)

    def use(self, form: NormalForm) -> None:
        """Keep other headers from the next event on."""
        for name, intake in self._intakes:
            intake.use(line_decoder(name, form))


def open_request_sources(settings: Settings, say: Callable[[str], None]) -> RequestSources:
    """The configured sources as one; none if there are none. Raises UnusableHttpSource."""
    if not settings.http:
        return RequestSources([], [])
    opened: list[PolledSource] = []
    intakes: list[tuple[str, LineIntake]] = []
    try:
        for source in settings.http:
            decoder = line_decoder(source.format, normal_form(settings))
            report = LimitedReport(say, time.monotonic)
            intake = LineIntake(str(source.path), decoder, report, _maybe_kept(source, settings))
            opened.append(_open(source, settings, intake, say))
            intakes.append((source.format, intake))
    except (UnusableMapping, UnusableSecret, UnusableSocketPath, OSError) as error:
        for one in opened:
            one.close()
        raise UnusableHttpSource(str(error)) from error
    resumable = [one for one in opened if isinstance(one, FollowSource)]
    return RequestSources([LiveIntake("http", opened, resumable)], intakes)


def _maybe_kept(source: HttpSource, settings: Settings) -> Callable[[SequenceGaps], KeptNumbers] | None:
    """What remembers the numbers of a socket's senders; other sources have none."""
    if source.socket is None:
        return None
    path = settings.agent.state_dir / f"{quote(str(source.socket.absolute()), safe='')}.numbers"
    return lambda gaps: KeptNumbers(path, gaps)


def _open(
    source: HttpSource, settings: Settings, intake: LineIntake, say: Callable[[str], None]
) -> PolledSource:
    access = SocketAccess(source.mode, source.group)
    if source.file is not None:
        state = settings.agent.state_dir / f"{quote(str(source.file.absolute()), safe='')}.position"
        return FollowSource(source.file, state, intake, time.monotonic, from_start=source.from_start)
    if source.syslog is not None:
        warn_of_short_queue(say)
        return SyslogSource(source.syslog, intake, access)
    return UnixSocketSource(source.path, intake, access)
