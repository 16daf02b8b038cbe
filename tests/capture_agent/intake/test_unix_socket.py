"""Events arrive over UNIX connections of many senders, some of them hostile, and nothing blocks."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from capture_agent.intake import unix_socket
from capture_agent.intake.live_intake import LiveIntake
from capture_agent.intake.socket_file import SocketAccess, SocketFile, UnusableSocketPath
from capture_agent.intake.unix_socket import MAX_LINE_BYTES, UnixSocketSource


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "http.sock"


@pytest.fixture
def source(desk: Any, path: Path) -> Iterator[UnixSocketSource]:
    with contextlib.closing(UnixSocketSource(path, desk.intake, SocketAccess())) as opened:
        yield opened


def connect(path: Path, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    client = socket.socket(socket.AF_UNIX, kind)
    client.settimeout(5)
    client.connect(str(path))
    return client


def drain(source: UnixSocketSource, rounds: int = 50) -> list[Any]:
    """Everything that was sent before the call."""
    events: list[Any] = []
    for _ in range(rounds):
        events += source.poll()
    return events


def test_poll_without_senders_returns_at_once(source: UnixSocketSource) -> None:
    assert source.poll() == []


def test_many_children_interleave_partial_lines(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes]
) -> None:
    children = [connect(path) for _ in range(40)]
    for number, child in enumerate(children):
        child.sendall(event_line(source_id=f"c{number}", source_seq=1) + b"\n" + b'{"ev":"end",')
    assert len(drain(source)) == 40
    for number, child in enumerate(children):
        child.sendall(event_line(source_id=f"c{number}", source_seq=2)[len(b'{"ev": "end",') :] + b"\n")
        child.close()
    assert len(drain(source)) == 40
    assert (source.counts.rejected, source.counts.lost, source.connections) == (0, 0, 0)


def test_packets_are_lines_with_or_without_their_break(
    desk: Any, path: Path, event_line: Callable[..., bytes]
) -> None:
    access, kind = SocketAccess(), socket.SOCK_SEQPACKET
    with contextlib.closing(UnixSocketSource(path, desk.intake, access, kind)) as source:
        client = connect(path, kind)
        client.send(event_line(source_id="c", source_seq=1))
        client.send(event_line(source_id="c", source_seq=2) + b"\n" + event_line(source_id="c", source_seq=3))
        assert len(drain(source)) == 3
        client.close()


def test_long_line_is_rejected_and_the_connection_lives_on(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes]
) -> None:
    client = connect(path)
    sender = threading.Thread(
        target=client.sendall, args=(b'{"a":"' + b"x" * (1 << 20) + b'"}\n' + event_line() + b"\n",)
    )
    sender.start()
    events: list[Any] = []
    while sender.is_alive():
        events += source.poll()
    events += drain(source)
    sender.join()
    client.close()
    assert (len(events), source.counts.rejected) == (1, 1)


@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 5_000 + b"\n", b"\xff\xfe\n", b"{}\n", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\n"],
)
def test_garbage_of_one_sender_does_not_touch_another(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes], garbage: bytes
) -> None:
    bad, good = connect(path), connect(path)
    bad.sendall(garbage)
    good.sendall(event_line() + b"\n")
    assert len(drain(source)) == 1
    bad.close()
    good.close()


def test_unfinished_lines_of_all_senders_together_are_bounded(
    source: UnixSocketSource, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix_socket, "MAX_HELD_BYTES", 3 * 10_000)
    clients = [connect(path) for _ in range(5)]
    for client in clients:
        client.sendall(b"x" * 10_000)
    drain(source)
    assert source.connections == 3
    assert source.counts.rejected == 2


def test_sender_over_the_limit_of_connections_is_hung_up_on(
    source: UnixSocketSource, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unix_socket, "MAX_CONNECTIONS", 2)
    clients = [connect(path) for _ in range(3)]
    drain(source)
    assert source.connections == 2
    assert clients[2].recv(1) == b""


def test_line_cut_off_by_the_death_of_its_sender_is_no_event(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes]
) -> None:
    client = connect(path)
    client.sendall(event_line() + b"\n" + event_line()[:-5])
    client.close()
    assert len(drain(source)) == 1
    assert source.counts.rejected == 0


def test_slow_reader_never_blocks_a_sender_and_the_missing_numbers_are_counted(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes]
) -> None:
    client = connect(path)
    client.setblocking(False)
    sent = dropped = 0
    for number in range(1, 5_001):
        line = event_line(source_id="c", source_seq=number) + b"\n"
        try:
            assert client.send(line) == len(line)
            sent += 1
        except BlockingIOError:
            dropped += 1
    assert dropped > 0
    assert len(drain(source)) == sent
    client.sendall(event_line(source_id="c", source_seq=5_001) + b"\n")
    drain(source)
    assert (source.counts.events, source.counts.lost) == (sent + 1, dropped)
    client.close()


def test_socket_is_writable_for_owner_and_group_only(desk: Any, path: Path) -> None:
    old = os.umask(0)
    try:
        with contextlib.closing(UnixSocketSource(path, desk.intake, SocketAccess())):
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(old)
    assert not path.exists()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give the socket to another group")
def test_socket_belongs_to_the_web_servers_group(desk: Any, path: Path) -> None:
    import grp

    with contextlib.closing(UnixSocketSource(path, desk.intake, SocketAccess(group="www-data"))):
        assert path.stat().st_gid == grp.getgrnam("www-data").gr_gid


def test_unknown_group_is_refused_and_leaves_nothing_behind(desk: Any, path: Path) -> None:
    with pytest.raises(UnusableSocketPath, match="no group 'no-such-group'"):
        UnixSocketSource(path, desk.intake, SocketAccess(group="no-such-group"))
    assert [entry.name for entry in path.parent.iterdir()] == ["http.sock.lock"]


def test_file_left_by_a_dead_process_is_replaced(desk: Any, path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    with contextlib.closing(UnixSocketSource(path, desk.intake, SocketAccess())):
        connect(path).close()


def test_live_listener_is_not_pushed_aside(desk: Any, path: Path) -> None:
    other = socket.socket(socket.AF_UNIX)
    other.bind(str(path))
    other.listen()
    with pytest.raises(UnusableSocketPath, match="another process listens there"):
        UnixSocketSource(path, desk.intake, SocketAccess())
    other.close()


def test_second_agent_is_refused(source: UnixSocketSource, path: Path) -> None:
    with pytest.raises(UnusableSocketPath, match="another process holds its lock"):
        SocketFile(path, socket.SOCK_STREAM, SocketAccess())


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_is_no_socket_is_never_replaced(desk: Any, path: Path, make: Callable[[Path], None]) -> None:
    make(path)
    with pytest.raises(UnusableSocketPath, match="exists and is no socket"):
        UnixSocketSource(path, desk.intake, SocketAccess())


def test_file_that_another_agent_has_replaced_is_left_alone(desk: Any, path: Path) -> None:
    source = UnixSocketSource(path, desk.intake, SocketAccess())
    path.unlink()
    path.touch()
    source.close()
    assert path.exists()


def test_iteration_waits_wakes_for_events_and_ends_when_closed(
    source: UnixSocketSource, path: Path, event_line: Callable[..., bytes]
) -> None:
    live = LiveIntake("sockets", [source])
    found: list[Any] = []
    reader = threading.Thread(target=lambda: found.extend(live))
    reader.start()
    client = connect(path)
    client.sendall(event_line() + b"\nbad\n" + event_line() + b"\n")
    deadline = time.monotonic() + 5
    while len(found) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    live.close()
    live.close()
    reader.join(timeout=5)
    assert not reader.is_alive()
    assert (len(found), live.rejected, live.lost) == (2, 1, 0)
    assert not path.exists()


def test_intake_that_was_never_iterated_is_released_by_close(source: UnixSocketSource, path: Path) -> None:
    live = LiveIntake("sockets", [source])
    live.close()
    assert not path.exists()
    assert list(live) == []


def test_limit_of_a_line_is_over_what_the_module_sends(project_root: Path) -> None:
    header = (project_root / "capture_agent/httpd/reqin_log.h").read_text()
    assert "#define REQIN_MAX_EVENT (64 * 1024)" in header
    assert MAX_LINE_BYTES >= 64 * 1024
