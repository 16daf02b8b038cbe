"""The spool's folder, as a killed agent, a full disk or a stranger leaves it behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture_agent.sink.batch import Batch, content_token
from capture_agent.sink.spool_format import Foreign, file_name
from capture_agent.sink.spool_store import DAMAGED, REJECTED, SpoolFolder, UnusableSpool


class Told:
    """What was reported."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def __call__(self, kind: str, sentence: str) -> None:
        assert kind
        self.sentences.append(sentence)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def folder(tmp_path: Path, told: Told) -> Iterator[SpoolFolder]:
    opened = SpoolFolder(tmp_path / "spool", 1 << 20, told)
    yield opened
    opened.close()


def batch(number: int, rows: int = 3) -> Batch:
    lines = b"".join(b'{"row":"%d-%d"}\n' % (number, row) for row in range(rows))
    return Batch("raw_tls_hellos", rows, lines, content_token(lines)).packed()


def files(folder: SpoolFolder, inner: str = "") -> list[str]:
    return sorted(path.name for path in (folder.path / inner).iterdir() if path.is_file())


def test_batches_of_an_earlier_run_come_back_in_order(folder: SpoolFolder) -> None:
    for number in (2, 0, 1):
        folder.write(number, batch(number), cut_us=number)
    found, damaged = folder.recover()
    assert [(stored.sequence, stored.cut_us, stored.rows) for stored in found] == [
        (0, 0, 3),
        (1, 1, 3),
        (2, 2, 3),
    ]
    assert [folder.read(stored) for stored in found] == [batch(0), batch(1), batch(2)]
    assert damaged == 0
    folder.remove(found[0])
    assert [stored.sequence for stored in folder.recover()[0]] == [1, 2]


def test_torn_file_is_removed_and_foreign_ones_are_set_aside_each_with_one_line(
    folder: SpoolFolder, told: Told
) -> None:
    for number in range(4):
        folder.write(number, batch(number), cut_us=1)
    with (folder.path / file_name(3)).open("r+b") as file:
        file.truncate(os.fstat(file.fileno()).st_size - 1)
    (folder.path / file_name(1)).write_bytes(b"\0" * 500)
    (folder.path / "notes.txt").write_text("mine")
    (folder.path / file_name(7)).symlink_to("/etc/passwd")
    found, damaged = folder.recover()
    assert [stored.sequence for stored in found] == [0, 2]
    assert files(folder, DAMAGED) == [file_name(1), file_name(7), "notes.txt"]
    assert len(told.sentences) == 4
    assert sum("was not finished and is removed" in one for one in told.sentences) == 1
    assert damaged == 0
    told.sentences.clear()
    assert folder.recover()[0] == found
    assert told.sentences == []


def test_rows_of_a_file_that_lost_its_content_are_counted(folder: SpoolFolder) -> None:
    folder.write(0, batch(0, rows=5), cut_us=1)
    with (folder.path / file_name(0)).open("ab") as file:
        file.write(b"trailing")
    assert folder.recover() == ([], 5)


def test_changed_content_is_found_when_it_is_read(folder: SpoolFolder) -> None:
    stored = folder.write(0, batch(0), cut_us=1)
    with (folder.path / file_name(0)).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xff")
    assert folder.recover()[0] == [stored]
    with pytest.raises(Foreign, match="checksum"):
        folder.read(stored)


def test_file_that_somebody_removed_is_missed(folder: SpoolFolder) -> None:
    stored = folder.write(0, batch(0), cut_us=1)
    (folder.path / file_name(0)).unlink()
    with pytest.raises(Foreign, match="somebody removed it"):
        folder.read(stored)


def test_failed_write_leaves_nothing_behind(folder: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write(0, batch(0), cut_us=1)
    assert [name for name in files(folder) if name.endswith(".batch")] == []


def test_file_and_folder_are_flushed_before_a_batch_counts(
    folder: SpoolFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    real = os.fsync

    def record(descriptor: int) -> None:
        flushed.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    folder.write(4, batch(4), cut_us=1)
    assert flushed == [file_name(4), "spool"]


def test_rejected_batches_are_kept_up_to_their_bound_the_newest_of_them(tmp_path: Path, told: Told) -> None:
    size = sum(map(len, (b"",))) + 1_200
    folder = SpoolFolder(tmp_path / "spool", size, told)
    for number in range(10):
        folder.reject(number, batch(number), 1, "code 27: cannot parse")
    kept = files(folder, REJECTED)
    assert kept[-1] == file_name(9)
    assert 1 <= len(kept) < 10
    assert sum((folder.path / REJECTED / name).stat().st_size for name in kept) <= size
    assert "cannot parse" in told.sentences[0]
    folder.close()


def test_second_agent_is_refused(folder: SpoolFolder, told: Told) -> None:
    with pytest.raises(UnusableSpool, match="another agent uses it"):
        SpoolFolder(folder.path, 1, told)


def test_folder_that_cannot_be_made_is_named_with_its_setting(tmp_path: Path, told: Told) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnusableSpool, match=r"file/spool: Not a directory; choose another with spool\.dir"):
        SpoolFolder(tmp_path / "file" / "spool", 1, told)


def test_only_the_agent_can_read_what_it_spools(folder: SpoolFolder) -> None:
    folder.write(0, batch(0), cut_us=1)
    assert (folder.path.stat().st_mode & 0o077, (folder.path / file_name(0)).stat().st_mode & 0o077) == (0, 0)
