"""The file between two runs of the agent: private, taken once, refused with a reason if it is not ours."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from capture_agent.agent.open_connections_file import FILE_NAME, OpenConnectionsFile
from capture_agent.agent.state_seal import StateSeal
from capture_agent.correlate.epochs import ConnectionKey, JoinableHello
from capture_agent.correlate.open_connections import MAGIC, Handover, OpenConnection, encode_handover
from capture_agent.events import FINGERPRINT_SPEC, Quality, Transport
from capture_agent.pipeline import Pipeline, PipelineSettings

NOW_US = 1_795_350_000_000_000
CONNECTION = OpenConnection(
    key=ConnectionKey(Transport.TCP, bytes(15) + b"\x01", 40_000, bytes(15) + b"\x02", 443),
    conn_id=(1 << 64) - 1,
    opened_us=NOW_US - 5_000_000,
    touched_us=NOW_US - 1_000_000,
    closed_us=None,
    hello=JoinableHello(ts_us=NOW_US - 4_000_000, quality=Quality.COMPLETE, ja4="t13d"),
    hellos=1,
    requests=3,
    proxied_key=None,
)
HANDOVER = Handover("web1", FINGERPRINT_SPEC, NOW_US - 1_000_000, (CONNECTION,))


def kept_in(folder: Path) -> OpenConnectionsFile:
    return OpenConnectionsFile(folder, "web1", structlog.get_logger())


def restored(folder: Path, now_us: int = NOW_US) -> tuple[int, list[Any]]:
    """How many connections a new run takes over, and what it logs."""
    pipeline = Pipeline(PipelineSettings("web1", 1))
    with capture_logs() as said:
        kept_in(folder).restore(pipeline, now_us)
    return pipeline.totals()["epochs_restored"], said


def test_what_is_kept_is_private_and_taken_over_once(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when missing"
    kept_in(folder).keep(HANDOVER)
    (file,) = folder.iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == (FILE_NAME, 0o600)
    count, (line,) = restored(folder)
    assert (count, line["log_level"], line["restored"], line["away_s"]) == (1, "info", 1, 1.0)
    assert list(folder.iterdir()) == []
    assert restored(folder) == (0, [])


def sealed_in(folder: Path, key: bytes = bytes(range(32))) -> OpenConnectionsFile:
    return OpenConnectionsFile(folder, "web1", structlog.get_logger(), StateSeal(key))


def test_sealed_file_tells_nothing_and_is_taken_over_under_its_key(tmp_path: Path) -> None:
    sealed_in(tmp_path).keep(HANDOVER)
    content = (tmp_path / FILE_NAME).read_bytes()
    assert CONNECTION.key.src_ip not in content
    assert b"web1" not in content
    pipeline = Pipeline(PipelineSettings("web1", 1))
    sealed_in(tmp_path).restore(pipeline, NOW_US)
    assert pipeline.totals()["epochs_restored"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda octets: octets[:-1] + bytes([octets[-1] ^ 1]), "damaged, or sealed under another key"),
        (lambda octets: octets[:30], "damaged"),
        (lambda _: encode_handover(HANDOVER), "not sealed: written while clients had no pseudonyms"),
    ],
    ids=["changed", "cut", "not sealed"],
)
def test_sealed_file_of_no_use_costs_one_line(
    tmp_path: Path, change: Callable[[bytes], bytes], reason: str
) -> None:
    sealed_in(tmp_path).keep(HANDOVER)
    file = tmp_path / FILE_NAME
    file.write_bytes(change(file.read_bytes()))
    pipeline = Pipeline(PipelineSettings("web1", 1))
    with capture_logs() as said:
        sealed_in(tmp_path).restore(pipeline, NOW_US)
    assert pipeline.totals()["epochs_restored"] == 0
    assert [str(line["reason"]).startswith(reason) for line in said] == [True]


def test_what_is_kept_replaces_what_was_there(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"older")
    (tmp_path / (FILE_NAME + ".new")).symlink_to(tmp_path / "elsewhere")
    kept_in(tmp_path).keep(HANDOVER)
    assert restored(tmp_path)[0] == 1
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "not written by this version of the agent"),
        (b"\x7fELF" + bytes(1000), "not written by this version of the agent"),
        (MAGIC + b"x" * 100, "damaged"),
        (encode_handover(Handover("web2", FINGERPRINT_SPEC, 1, ())), "of another sensor, web2"),
        (
            encode_handover(Handover("web1", FINGERPRINT_SPEC, NOW_US + 1, (CONNECTION,))),
            "written in the future: the clock was set back",
        ),
    ],
)
def test_file_of_no_use_costs_one_line_and_goes(tmp_path: Path, octets: bytes, reason: str) -> None:
    (tmp_path / FILE_NAME).write_bytes(octets)
    count, (line,) = restored(tmp_path)
    assert (count, line["log_level"], line["reason"]) == (0, "warning", reason)
    assert line["file"] == str(tmp_path / FILE_NAME)
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_read_or_written_costs_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    count, (line,) = restored(tmp_path)
    assert (count, line["reason"]) == (0, "Is a directory")
    with capture_logs() as said:
        kept_in(tmp_path).keep(HANDOVER)
    assert [(line["log_level"], line["reason"]) for line in said] == [("warning", "Is a directory")]


def test_connections_of_long_ago_are_left_out(tmp_path: Path) -> None:
    kept_in(tmp_path).keep(HANDOVER)
    count, (line,) = restored(tmp_path, NOW_US + 901 * 1_000_000)
    assert (count, line["restored"], line["of"]) == (0, 0, 1)
