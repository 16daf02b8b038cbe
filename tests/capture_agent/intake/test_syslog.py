"""Access logs as syslog datagrams: nginx's header is taken off, and nothing hostile gets through."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capture_agent.intake.socket_file import SocketAccess
from capture_agent.intake.syslog import SyslogSource, warn_of_short_queue, without_header


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.sock"


@pytest.fixture
def source(desk: Any, path: Path) -> Iterator[SyslogSource]:
    with contextlib.closing(SyslogSource(path, desk.intake, SocketAccess())) as opened:
        yield opened


def send(path: Path, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, str(path))


@pytest.mark.parametrize(
    "header",
    [
        b"<190>Nov 22 14:20:32 nginx: ",
        b"<190>Nov 22 14:20:32 web-1 nginx: ",
        b"<134>Nov 22 14:20:32 haproxy[20179]: ",
        b"<134>1 2026-11-22T14:20:32.070261Z web-1 haproxy 20179 - - ",
        b"",
    ],
)
def test_header_of_either_rfc_is_taken_off(
    source: SyslogSource, path: Path, event_line: Callable[..., bytes], header: bytes
) -> None:
    send(path, header + event_line() + b"\n")
    assert len(source.poll()) == 1
    assert source.counts.rejected == 0


@pytest.mark.parametrize(
    "datagram",
    [
        b"{",
        b"<190>",
        b"<190>Nov 22 14:20:32 nginx: not json",
        b"\0" * 100,
        b"<1>" + b"x" * 10_000 + b"{}",
        b"<999999>{}",
    ],
)
def test_datagram_without_an_event_is_rejected_and_the_next_is_read(
    source: SyslogSource, path: Path, event_line: Callable[..., bytes], datagram: bytes
) -> None:
    send(path, datagram, event_line())
    assert len(source.poll()) == 1
    assert source.counts.rejected == 1


def test_text_that_only_looks_like_a_header_stays(event_line: Callable[..., bytes]) -> None:
    line = event_line(unparsed_uri="/<190>Nov 22 14:20:32 nginx: {")
    assert without_header(line) == line


def test_empty_datagrams_and_an_empty_queue_are_nothing(source: SyslogSource, path: Path) -> None:
    send(path, b"", b"")
    assert source.poll() == []
    assert source.poll() == []
    assert source.counts.rejected == 0


def test_line_of_21_kb_is_read(source: SyslogSource, path: Path, event_line: Callable[..., bytes]) -> None:
    """As long as nginx was seen to send."""
    send(path, b"<190>Nov 22 14:20:32 nginx: " + event_line(headers=[["User-Agent", "a" * 21_000]]))
    assert len(source.poll()) == 1


@pytest.mark.parametrize(
    ("queued", "expected"), [("10\n", 1), ("511", 1), ("512\n", 0), ("4096\n", 0), ("odd", 0)]
)
def test_short_queue_of_the_kernel_is_told(tmp_path: Path, queued: str, expected: int) -> None:
    setting = tmp_path / "max_dgram_qlen"
    setting.write_text(queued)
    said: list[str] = []
    warn_of_short_queue(said.append, setting)
    assert len(said) == expected
    warn_of_short_queue(said.append, tmp_path / "absent")
    assert len(said) == expected
