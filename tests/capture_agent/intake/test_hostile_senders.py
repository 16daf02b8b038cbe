"""Whatever a sender writes into the agent's socket is counted, told a few times, and does nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from capture_agent.intake.limited_report import SHOWN_PER_WINDOW
from capture_agent.intake.socket_file import SocketAccess
from capture_agent.intake.unix_socket import UnixSocketSource

KINDS = 4
"""Kinds of complaint below, each with a share of the log of its own."""


def hostile_lines(event_line: Callable[..., bytes]) -> list[bytes]:
    """Lines that are no events."""
    wrong_types: list[dict[str, Any]] = [
        {"t_us": "now"},
        {"src_port": 70_000},
        {"src_port": -1},
        {"src_ip": ["192.0.2.1"]},
        {"headers": {"a": "b"}},
        {"headers": [["only a name"]]},
        {"status": 1e308},
        {"source_seq": 2**70},
    ]
    return [
        *(event_line(**changed) for changed in wrong_types),
        b'{"ev":"end"',
        b"[" * 100_000,
        b"\0" * 1_000,
        b'"' + b"\\u0000" * 1_000 + b'"',
        json.dumps({"ev": "end", "t_us": True}).encode(),
        b"\xc3\x28\xa0\xa1",
        b"NaN",
        b"x" * (1 << 20),
    ]


def test_hostile_lines_are_counted_and_told_a_few_times_only(
    desk: Any, tmp_path: Path, event_line: Callable[..., bytes]
) -> None:
    lines = hostile_lines(event_line)
    rounds = 8
    with contextlib.closing(UnixSocketSource(tmp_path / "s", desk.intake, SocketAccess())) as source:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(tmp_path / "s"))
        content = b"".join(line + b"\n" for line in lines) * rounds
        content += event_line() + b"\n"
        sender = threading.Thread(target=lambda: (client.sendall(content), client.close()))
        sender.start()
        events: list[Any] = []
        while sender.is_alive():
            events += source.poll()
        while found := source.poll():
            events += found
        for _ in range(200):
            events += source.poll()
        sender.join()
        assert len(events) == 1
        assert source.counts.rejected == rounds * len(lines)
        assert source.counts.events == 1
        assert len(desk.said) <= SHOWN_PER_WINDOW * KINDS
        assert all("\n" not in said and "\0" not in said and len(said) < 1_000 for said in desk.said)


def test_replayed_numbers_are_rejected_and_counted(
    desk: Any, tmp_path: Path, event_line: Callable[..., bytes]
) -> None:
    with contextlib.closing(UnixSocketSource(tmp_path / "s", desk.intake, SocketAccess())) as source:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(tmp_path / "s"))
        lines = [event_line(source_id="c", source_seq=number) + b"\n" for number in (1, 2, 3)]
        events: list[Any] = []
        for _ in range(50):
            client.sendall(b"".join(lines))
            events += source.poll()
        for _ in range(50):
            events += source.poll()
        client.close()
        assert len(events) == 3
        assert (source.counts.rejected, source.counts.lost) == (147, 0)
        assert len(desk.said) <= SHOWN_PER_WINDOW


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_only_owner_and_group_can_connect(desk: Any, tmp_path: Path) -> None:
    """A stranger is refused by the kernel; a member of the group is not."""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent == Path("/tmp"):
            break
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    path = tmp_path / "s"

    def can_connect(group: int) -> bool:
        child = os.fork()
        if child == 0:
            try:
                os.setgroups([])
                os.setgid(group)
                os.setuid(65_534)
                socket.socket(socket.AF_UNIX).connect(str(path))
                os._exit(0)
            except OSError:
                os._exit(1)
        return os.waitpid(child, 0)[1] == 0

    with contextlib.closing(UnixSocketSource(path, desk.intake, SocketAccess(group="www-data"))) as source:
        group = path.stat().st_gid
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert can_connect(group)
        assert not can_connect(65_534)
        source.poll()
