"""The bundled recording is the lab's, without what would give the label away."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import msgspec
import pytest

from capture_agent.cli import main as agent_main
from capture_agent.events import HttpEvent, Transport
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.wire.client_hello import parse_client_hello
from sample_traffic.recorded import RECORDING, RecordingError, client_handshakes, load_recording

MAX_BYTES = 2_000_000
RECORDED_HERE = "chromium-resuming"
"""Made for this project; all other captures are the lab's."""
PROTOTYPE_FIELDS = (
    "t_us",
    "dur_us",
    "src_ip",
    "src_port",
    "dst_ip",
    "dst_port",
    "method",
    "proto",
    "status",
    "bytes",
)


def events() -> list[HttpEvent]:
    lines = (RECORDING / "http_events.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=HttpEvent) for line in lines]


def test_recording_stays_small() -> None:
    files = [*RECORDING.glob("*"), *RECORDING.glob("pcaps/*")]
    assert sum(path.stat().st_size for path in files if path.is_file()) < MAX_BYTES


def test_captures_are_the_labs_byte_for_byte(shared_dir: Path) -> None:
    compared = 0
    for path in (RECORDING / "pcaps").iterdir():
        if path.stem != RECORDED_HERE:
            assert path.read_bytes() == (shared_dir / "lab" / "pcaps" / path.name).read_bytes(), path.name
            compared += 1
    assert compared == 70


def test_events_differ_from_the_labs_only_by_the_marker(shared_dir: Path) -> None:
    lab = {}
    for line in (shared_dir / "lab" / "http_events.jsonl").read_text().splitlines():
        record = json.loads(line)
        lab[record["src_ip"], record["src_port"], record["t_us"]] = record
    compared = 0
    for event in events():
        record = lab.get((event.src_ip, event.src_port, event.t_us))
        if record is None:
            assert event.src_ip == "127.0.0.1"
            continue
        compared += 1
        assert [getattr(event, name) for name in PROTOTYPE_FIELDS] == [record[n] for n in PROTOTYPE_FIELDS]
        assert [name for name, _ in event.headers] == [name for name, _ in record["headers"]]
        changed = {
            name
            for (name, ours), (_, theirs) in zip(event.headers, record["headers"], strict=True)
            if ours != theirs
        }
        assert changed <= {"Referer"}
        assert record["unparsed_uri"].startswith(event.unparsed_uri)
    assert compared == 225


def test_no_event_names_its_client_outside_the_user_agent() -> None:
    with (RECORDING / "labels.tsv").open() as source:
        clients = {row["src_ip"]: row["client"] for row in csv.DictReader(source, delimiter="\t")}
    for event in events():
        assert "?c=" not in event.unparsed_uri
        shown = [
            event.unparsed_uri,
            *(value or "" for name, value in event.headers if name.lower() == "referer"),
        ]
        assert not any(clients[event.src_ip] in text for text in shown)


def test_every_recorded_hello_has_the_ja4_that_an_independent_tool_gave() -> None:
    recording = load_recording()
    assert len(recording) == 68
    for client in recording.values():
        found = {
            ja4_of(parse_client_hello(handshake.hello_record[5:]), Transport.TCP).ja4
            for handshake in client.handshakes
        }
        assert found == set(client.ja4), client.name


def test_every_event_belongs_to_a_recorded_handshake() -> None:
    connections = {
        (handshake.src_ip, handshake.src_port)
        for client in load_recording().values()
        for handshake in client.handshakes
    }
    assert all((event.src_ip, event.src_port) in connections for event in events())


def test_a_capture_of_another_form_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.pcap"
    other.write_bytes(bytes.fromhex("4d3cb2a1") + bytes(20))
    with pytest.raises(RecordingError, match=r"other\.pcap"):
        client_handshakes(other)


def test_the_agent_joins_every_recorded_request(tmp_path: Path) -> None:
    out = tmp_path / "rows.jsonl"
    captures = [str(path) for path in sorted((RECORDING / "pcaps").iterdir())]
    recorded = str(RECORDING / "http_events.jsonl")
    assert agent_main(["replay", *captures, "--http", recorded, "--sink", f"jsonl:{out}"]) == 0
    rows = [json.loads(line) for line in out.read_bytes().splitlines()]
    states = [row["join_state"] for row in rows if row["table"] == "raw_http_requests"]
    assert len(states) == len(events())
    assert states.count("matched") > 0.99 * len(states)
