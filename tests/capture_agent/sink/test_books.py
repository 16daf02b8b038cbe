"""What a killed run had not flushed is known to the next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from capture_agent.sink.books import CrashBooks

KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from pathlib import Path
from capture_agent.sink.books import CrashBooks
books = CrashBooks(Path(sys.argv[1]))
books.note_given(1_000)
books.note_flushed(940)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_numbers_outlive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "books"
    run = subprocess.run([sys.executable, "-c", KILLED_IN_THE_MIDDLE, str(path)], check=False)
    assert run.returncode == -signal.SIGKILL
    first = CrashBooks(path)
    assert first.lost_before == 60
    first.note_given(5)
    first.note_flushed(5)
    first.note_told()
    first.close()
    assert CrashBooks(path).lost_before == 0


def test_loss_is_told_again_until_a_ledger_with_it_was_flushed(tmp_path: Path) -> None:
    books = CrashBooks(tmp_path / "books")
    books.note_given(30)
    books.close()
    for lost in (30, 37):
        books = CrashBooks(tmp_path / "books")
        assert books.lost_before == lost
        books.note_given(7)
        books.close()
    books = CrashBooks(tmp_path / "books")
    assert books.lost_before == 44
    books.note_told()
    books.close()
    assert CrashBooks(tmp_path / "books").lost_before == 0


@pytest.mark.parametrize("content", [b"", b"ja4books", os.urandom(32), b"\0" * 4_096])
def test_what_are_no_books_tells_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "books").write_bytes(content)
    assert CrashBooks(tmp_path / "books").lost_before == 0


def test_insert_that_ends_after_the_books_does_no_harm(tmp_path: Path) -> None:
    books = CrashBooks(tmp_path / "books")
    books.close()
    books.note_flushed(1)
    assert CrashBooks(tmp_path / "books").lost_before == 0
