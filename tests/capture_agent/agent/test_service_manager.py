"""Datagrams to the service manager, as sd_notify(3) describes them."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture_agent.agent.service_manager import ServiceManager


@pytest.fixture(params=["file", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    name = str(tmp_path / "notify") if request.param == "file" else f"@ja4-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(name.replace("@", "\0"))
        receiver.settimeout(5)
        yield receiver, name


def test_each_state_is_told_in_the_words_of_the_protocol(listener: tuple[socket.socket, str]) -> None:
    receiver, name = listener
    manager = ServiceManager({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000000"})
    manager.ready("capturing")
    assert receiver.recv(1_000) == b"READY=1\nSTATUS=capturing"
    manager.ping()
    assert receiver.recv(1_000) == b"WATCHDOG=1"
    manager.reloading()
    first, second = receiver.recv(1_000).split(b"\n")
    assert first == b"RELOADING=1"
    assert second.removeprefix(b"MONOTONIC_USEC=").isdigit()
    manager.stopping(2.5)
    assert receiver.recv(1_000) == b"STOPPING=1\nEXTEND_TIMEOUT_USEC=2500000"


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}])
def test_pings_are_sent_only_to_who_waits_for_them(
    listener: tuple[socket.socket, str], environment: dict[str, str]
) -> None:
    receiver, name = listener
    ServiceManager({"NOTIFY_SOCKET": name, **environment}).ping()
    receiver.setblocking(False)
    with pytest.raises(BlockingIOError):
        receiver.recv(1_000)


def test_a_manager_that_is_not_there_is_no_fault(tmp_path: Path) -> None:
    ServiceManager({}).ready("capturing")
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).ready("capturing")
