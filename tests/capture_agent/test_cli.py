"""`ja4-agent` as a shell sees it: what it prints, what it says, how it ends."""

from __future__ import annotations

import csv
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest

from capture_agent.cli import main
from capture_agent.events import TlsHello

Run = Callable[..., subprocess.CompletedProcess[str]]
USER0 = 147
"""A link type that the standard leaves to private use."""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command in an empty folder, without settings of the machine."""

    def start(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "capture_agent.cli", *map(str, arguments)],
            cwd=tmp_path,
            env={"PATH": os.defpath, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return start


@pytest.fixture
def curl(recording_dir: Path) -> Path:
    return recording_dir / "pcaps" / "curl-h2.pcap"


@pytest.fixture
def events(recording_dir: Path) -> Path:
    return recording_dir / "http_events.jsonl"


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_read_prints_one_object_for_each_hello_with_the_columns_of_the_table(run: Run, curl: Path) -> None:
    done = run("read", curl, "--sensor", "edge-1", "--skeleton")
    hellos = objects(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(hellos) == 2
    assert list(hellos[0]) == [field.name for field in msgspec.structs.fields(TlsHello)]
    assert {hello["sensor"] for hello in hellos} == {"edge-1"}


def test_read_leaves_the_skeleton_out_unless_asked(run: Run, curl: Path) -> None:
    columns = [field.name for field in msgspec.structs.fields(TlsHello)]
    columns.remove("hello_skeleton")
    assert list(objects(run("read", curl).stdout)[0]) == columns


def test_read_agrees_with_an_independent_implementation_on_every_recorded_client(
    shared_dir: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """clients.tsv: JA3 checked against tshark, JA4 against another package."""
    found: dict[str, set[tuple[str, str]]] = {}
    for capture in sorted((shared_dir / "lab" / "pcaps").glob("*.pcap")):
        assert main(["read", str(capture)]) == 0
        printed = capfdbinary.readouterr().out.decode()
        found[capture.stem] = {(hello["ja4"], hello["ja3_hash"]) for hello in objects(printed)}
    with (shared_dir / "lab" / "clients.tsv").open() as file:
        expected = {row["client"]: (row["ja4"], row["ja3"]) for row in csv.DictReader(file, delimiter="\t")}
    compared = [name for name in found if expected.get(name, ("", ""))[0]]
    assert len(compared) > 60
    assert {name: expected[name] for name in compared if expected[name] not in found[name]} == {}


def test_truncated_capture_is_read_up_to_the_cut_and_says_so(run: Run, curl: Path, tmp_path: Path) -> None:
    whole = curl.read_bytes()
    (tmp_path / "cut.pcap").write_bytes(whole[:-10])
    done = run("read", "cut.pcap")
    assert done.returncode == 2
    assert len(objects(done.stdout)) == 2
    assert "cut.pcap: cut short: the record at byte " in done.stderr
    assert "everything before it was read" in done.stderr


def test_replay_keeps_what_stands_before_a_cut_and_the_other_captures(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    (tmp_path / "cut.pcap").write_bytes(curl.read_bytes()[:-10])
    other = curl.with_name("curl-http11.pcap")
    whole = run("replay", curl, other, "--http", events, "--sink", "stdout")
    done = run("replay", "cut.pcap", other, "--http", events, "--sink", "stdout")
    assert (whole.returncode, done.returncode) == (0, 2)
    assert "cut.pcap: cut short" in done.stderr
    assert matched(done.stdout) == matched(whole.stdout) > 2


def test_replay_keeps_what_stands_before_a_damaged_record_and_the_other_captures(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    content = curl.read_bytes()
    damaged = content[:24] + content[24:40].replace(content[32:36], b"\xff\xff\xff\x7f") + content[40:]
    (tmp_path / "damaged.pcap").write_bytes(damaged)
    done = run(
        "replay", "damaged.pcap", curl.with_name("curl-http11.pcap"), "--http", events, "--sink", "stdout"
    )
    assert done.returncode == 2
    assert "damaged.pcap: at byte 24: damaged record" in done.stderr
    assert matched(done.stdout) == 2


def matched(text: str) -> int:
    return sum(row.get("join_state") == "matched" for row in objects(text))


def not_a_capture(_: bytes) -> bytes:
    return b"<html>" + bytes(100)


def unknown_link_type(whole: bytes) -> bytes:
    return whole[:20] + struct.pack("<I", USER0) + whole[24:]


def empty(_: bytes) -> bytes:
    return b""


def only_a_header(whole: bytes) -> bytes:
    return whole[:20]


@pytest.mark.parametrize("command", [("read",), ("replay", "--sink", "stdout")])
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (not_a_capture, "at byte 0: neither pcap nor pcapng"),
        (unknown_link_type, "at byte 20: unknown link type"),
        (empty, "the file is empty"),
        (only_a_header, "the file ends inside the pcap header"),
    ],
)
def test_unusable_capture_is_refused_with_file_and_position(
    run: Run, curl: Path, tmp_path: Path, command: tuple[str, ...], spoil: Any, words: str
) -> None:
    (tmp_path / "bad.pcap").write_bytes(spoil(curl.read_bytes()))
    done = run(*command, "bad.pcap")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ja4-agent: bad.pcap: ")
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("read",), ("replay", "--sink", "stdout")])
def test_missing_file_and_directory_are_refused_by_name(
    run: Run, tmp_path: Path, command: tuple[str, ...]
) -> None:
    for name in ("missing.pcap", "."):
        done = run(*command, name)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"ja4-agent: {name}: " in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_read_goes_on_with_the_next_file_after_an_unusable_one(run: Run, curl: Path) -> None:
    done = run("read", "missing.pcap", curl)
    assert (done.returncode, len(objects(done.stdout))) == (2, 2)


def test_replay_joins_and_names_the_table_of_each_row(run: Run, curl: Path, events: Path) -> None:
    done = run("replay", curl, "--http", events, "--sink", "jsonl:out.jsonl", "--sink", "stdout")
    assert done.returncode == 0
    rows = objects(done.stdout)
    tables = [row["table"] for row in rows]
    assert (tables.count("raw_tls_hellos"), tables.count("raw_agent_ticks") > 0) == (2, True)
    matched = [row for row in rows if row.get("join_state") == "matched"]
    assert len(matched) == 2
    assert {row["ja4"] for row in matched} == {row["ja4"] for row in rows if row["table"] == "raw_tls_hellos"}


def test_replay_of_the_same_recording_with_the_same_times_gives_the_same_rows(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    for name in ("first", "second"):
        run("replay", curl, "--http", events, "--sensor", "s", "--sink", f"jsonl:{name}")
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert (tmp_path / "first").stat().st_size > 0


def test_replay_shifts_all_times_by_the_same_amount_so_that_the_last_is_now(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    run("replay", curl, "--http", events, "--sensor", "s", "--sink", "jsonl:as-recorded")
    run("replay", curl, "--http", events, "--sensor", "s", "--sink", "jsonl:now", "--shift-to-now")
    recorded, shifted = (
        [row for row in objects((tmp_path / name).read_text()) if row["table"] == "raw_http_requests"]
        for name in ("as-recorded", "now")
    )
    gaps = {(_us(after["ts"]) - _us(before["ts"])) for before, after in zip(recorded, shifted, strict=True)}
    assert len(gaps) == 1
    for before, after in zip(recorded, shifted, strict=True):
        assert before["hello_to_request_us"] == after["hello_to_request_us"]
        assert before["join_state"] == after["join_state"]


def _us(iso: str) -> int:
    return (datetime.fromisoformat(iso) - datetime.fromisoformat("1970-01-01T00:00:00Z")) // timedelta(
        microseconds=1
    )


def test_bad_event_line_is_named_counted_and_skipped_and_the_rest_is_kept(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    lines = events.read_bytes().splitlines()
    (tmp_path / "events.jsonl").write_bytes(b"\n".join([lines[0], b'{"t_us": broken', lines[1]]))
    done = run("replay", curl, "--http", "events.jsonl", "--sink", "stdout")
    assert done.returncode == 2
    assert "ja4-agent: events.jsonl: line 2: JSON is malformed: " in done.stderr
    rows = objects(done.stdout)
    assert sum(row["table"] == "raw_http_requests" for row in rows) == 2
    assert sum(row.get("http_events_rejected", 0) for row in rows) == 1
    assert sum(row.get("http_events_seen", 0) for row in rows) == 3


def test_gaps_in_the_numbers_of_a_source_are_booked_as_lost(
    run: Run, curl: Path, events: Path, tmp_path: Path
) -> None:
    line = events.read_bytes().splitlines()[0]
    numbered = [line[:-1] + b',"source_id":"4711.1","source_seq":%d}' % number for number in (7, 8, 12)]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(numbered))
    done = run("replay", curl, "--http", "events.jsonl", "--sink", "stdout")
    assert done.returncode == 0
    assert sum(row.get("http_events_lost", 0) for row in objects(done.stdout)) == 3


def test_file_of_another_kind_as_events_does_not_flood_the_terminal(
    run: Run, curl: Path, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text("127.0.0.1 - - GET /\n" * 5_000)
    done = run("replay", curl, "--http", "access.log", "--sink", "stdout")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) < 30
    assert "access.log: 5000 problems" in done.stderr


def test_missing_event_file_is_refused_before_anything_is_written(
    run: Run, curl: Path, tmp_path: Path
) -> None:
    done = run("replay", curl, "--http", "missing.jsonl", "--sink", "jsonl:out.jsonl")
    assert (done.returncode, done.stderr) == (2, "ja4-agent: missing.jsonl: No such file or directory\n")
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--sink", "kafka"], "--sink kafka: choose clickhouse, jsonl:PATH or stdout"),
        (["--sink", "jsonl:"], "--sink jsonl:: choose"),
        (["--sink", "clickhouse"], "needs --clickhouse-url or JA4_CLICKHOUSE_URL"),
        (["--sink", "clickhouse", "--clickhouse-url", "localhost:8123"], "must read http[s]://"),
        (["--sink", "clickhouse", "--clickhouse-url", "http://u:secret@h:8123"], "names no database"),
        (["--sink", "clickhouse", "--clickhouse-url", "http://u:secret@h:x/d"], "must read http[s]://"),
        (["--sink", "stdout", "--tls-ports", "https"], "requests.tls_ports"),
        (["--sink", "stdout", "--config", "missing.toml"], "missing.toml: No such file"),
    ],
)
def test_wrong_setting_is_refused_by_name_without_its_secret(
    run: Run, curl: Path, arguments: list[str], words: str
) -> None:
    done = run("replay", curl, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert words in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_cannot_be_written_ends_with_one_sentence(run: Run, curl: Path) -> None:
    done = run("replay", curl, "--sink", "jsonl:no/such/folder")
    assert (done.returncode, done.stderr) == (1, "ja4-agent: no/such/folder: No such file or directory\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
@pytest.mark.parametrize("command", [("read",), ("replay", "--sink", "stdout")])
def test_full_disk_behind_standard_output_ends_with_one_sentence(
    curl: Path, command: tuple[str, ...]
) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "capture_agent.cli", command[0], str(curl), *command[1:]],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("command", [("read",), ("replay", "--sink", "stdout")])
def test_reader_that_goes_away_is_no_error_message(recording_dir: Path, command: tuple[str, ...]) -> None:
    captures = sorted((recording_dir / "pcaps").glob("*.pcap"))
    process = subprocess.Popen(
        [sys.executable, "-m", "capture_agent.cli", command[0], *map(str, captures), *command[1:]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(timeout=60) == 141


def test_clickhouse_away_is_retried_with_messages_and_the_end_says_what_was_not_written(
    run: Run, curl: Path, free_port: int
) -> None:
    url = f"http://u:secret@127.0.0.1:{free_port}/ja4_processing"
    done = run("replay", curl, "--sink", "clickhouse", "--insert-deadline-s", 1, JA4_CLICKHOUSE_URL=url)
    assert done.returncode == 1
    assert "Connection refused; trying again in 0.5 s, giving up in 1 s" in done.stderr
    assert "gave up after 1 s; nothing was written" in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


def test_version_is_that_of_the_distribution(run: Run) -> None:
    assert run("--version").stdout.startswith(f"ja4-agent {version('ja4-platform')} ")


def test_read_loads_neither_database_driver_nor_settings_framework(curl: Path) -> None:
    """They take longer to load than a capture of a thousand hellos to read."""
    program = (
        "import sys; from capture_agent.cli import main; "
        f"main(['read', {str(curl)!r}]); "
        "print([m for m in ('clickhouse_connect', 'pydantic', 'urllib3', 'socket') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
