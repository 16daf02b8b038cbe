"""A reader that is absent, dies or stops costs no request anything, and every lost event is counted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

import pytest
from private_apache import EventReader, PrivateApache, wait_for

SMALLEST_BUFFER = "ReqinLogBuffer 131072"
ONE_CHILD = "ServerLimit 1\nStartServers 1\nThreadsPerChild 8\nMaxRequestWorkers 8"


def fetch(apache: PrivateApache, count: int, mark: str = "x") -> float:
    """`count` requests, each answer checked; the longest one's seconds.

    A child that ends gracefully closes kept connections unanswered: the request goes to the next one.
    """
    slowest, number = 0.0, 0
    while number < count:
        with apache.connect() as connection:
            stream = connection.makefile("rb")
            while number < count:
                start = time.monotonic()
                target = f"/index.html?{mark}{number}"
                connection.sendall(
                    f"GET {target} HTTP/1.1\r\nHost: a\r\nAccept: {'u' * 900}\r\n\r\n".encode()
                )
                if not is_answered(stream):
                    break
                slowest = max(slowest, time.monotonic() - start)
                number += 1
    return slowest


def is_answered(stream: BinaryIO) -> bool:
    """Reads one answer, which must be whole and 200; False if the connection was closed before it."""
    try:
        status = stream.readline()
    except ConnectionResetError:
        return False
    if status == b"":
        return False
    assert status == b"HTTP/1.1 200 OK\r\n"
    length = 0
    while (line := stream.readline().strip()) != b"":
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    assert len(stream.read(length)) == length
    return True


def settle(reader: EventReader) -> None:
    """Wait until nothing has come for half a second."""
    seen = -1
    while seen != len(reader.lines):
        seen = len(reader.lines)
        time.sleep(0.5)


def assert_books_balance(reader: EventReader, made: int) -> int:
    """Requests made = received + lost ones; the numbers missing say how many events were lost."""
    received = len(reader.of_kind("end"))
    numbers = [(event["source_id"], event["source_seq"]) for event in reader.events]
    assert len(numbers) == len(set(numbers)), "an event came twice"
    closes = 1 + sum(event["requests"] == 0 for event in reader.of_kind("close"))
    lost = reader.lost()
    assert made - received <= lost <= made - received + closes
    return lost


def test_reader_absent_at_first_gets_what_was_kept(module: Path) -> None:
    with PrivateApache(module, directives=ONE_CHILD) as apache:
        assert fetch(apache, 100) < 1
        reader = EventReader(apache.socket_path).start()
        try:
            assert len(reader.requests(100)) == 100
            assert reader.lost() == 0
        finally:
            reader.die()


def test_stalled_reader_slows_nothing_and_the_loss_is_reported(start_apache) -> None:
    apache, reader = start_apache(directives=f"{ONE_CHILD}\n{SMALLEST_BUFFER}")
    fetch(apache, 10)
    reader.requests(10)
    reader.stall()
    assert fetch(apache, 1_500) < 1
    reader.resume()
    fetch(apache, 10)
    settle(reader)
    fetch(apache, 10)
    settle(reader)
    lost = assert_books_balance(reader, 1_530)
    assert lost > 0, "the buffers held everything: the test did not test"
    assert reader.dropped() == lost


def test_killed_reader_loses_only_what_is_counted(start_apache) -> None:
    apache, reader = start_apache(directives=f"{ONE_CHILD}\n{SMALLEST_BUFFER}")
    fetch(apache, 50)
    reader.requests(50)
    reader.stall()
    fetch(apache, 20)
    time.sleep(0.2)
    reader.die()
    assert fetch(apache, 1_000) < 1
    reader.start()
    settle(reader)
    fetch(apache, 20)
    settle(reader)
    lost = assert_books_balance(reader, 1_090)
    assert 0 < reader.dropped() <= lost


def test_socket_file_removed_and_made_again(start_apache) -> None:
    apache, reader = start_apache(directives=ONE_CHILD)
    fetch(apache, 5)
    reader.requests(5)
    reader.die()
    apache.socket_path.unlink()
    fetch(apache, 5)
    reader.start()
    reader.requests(10)
    assert reader.lost() == 0


def test_something_else_at_the_socket_path_does_no_harm(module: Path) -> None:
    with PrivateApache(module, directives=ONE_CHILD) as apache:
        apache.socket_path.write_text("a plain file")
        assert fetch(apache, 50) < 1


def test_graceful_restart_keeps_connection_numbers_unique_and_loses_nothing(start_apache) -> None:
    apache, reader = start_apache()
    fetch(apache, 20, "before")
    with apache.connect() as waiting:
        waiting.sendall(b"GET /index.html?held HTTP/1.1\r\nHost: a\r\n")
        for _ in range(2):
            apache.restart_gracefully()
            fetch(apache, 20, "after")
        waiting.sendall(b"Connection: close\r\n\r\n")
        assert waiting.recv(15) == b"HTTP/1.1 200 OK"
    events = reader.requests(61)
    assert len({(event["conn_seq"]) for event in events}) == len({event["src_port"] for event in events})
    wait_for(lambda: reader.lost() == 0, 5, f"{reader.lost()} events were lost")
    apache.stop()
    settle(reader)
    assert assert_books_balance(reader, 61) == 0
    started = [event["source_id"] for event in reader.of_kind("source") if event["state"] == "start"]
    ended = [event["source_id"] for event in reader.of_kind("source") if event["state"] == "end"]
    assert sorted(started) == sorted(ended)
    assert "exit signal" not in apache.log()


@pytest.mark.parametrize("mpm", ["event", "worker", "prefork"])
def test_every_multi_processing_module(start_apache, mpm: str) -> None:
    apache, reader = start_apache(mpm=mpm)
    fetch(apache, 100, mpm)
    with apache.connect_tls("http/1.1") as connection:
        connection.sendall(b"GET /index.html HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n")
        while connection.recv(65_536):
            pass
    reader.requests(101)
    apache.restart_gracefully()
    fetch(apache, 50, mpm)
    assert len(reader.requests(151)) == 151
    assert {event["header_order_source"] for event in reader.of_kind("end")} == {"wire"}
    assert apache.stop() == 0
    settle(reader)
    assert assert_books_balance(reader, 151) == 0
    assert "exit signal" not in apache.log()


def test_stop_does_not_wait_for_a_stalled_reader(start_apache) -> None:
    apache, reader = start_apache(directives=f"{ONE_CHILD}\n{SMALLEST_BUFFER}")
    reader.stall()
    fetch(apache, 2_000)
    apache.stop()
    # A child that waits is killed by Apache and writes nothing.
    assert "ends with events that no reader took" in apache.log()
