"""Every client flow listed by the conformance data is found, with exactly the listed JA4 and JA3."""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path

import pytest

from capture_agent.capture.files import open_capture
from capture_agent.events import TlsHello
from capture_agent.flows.flow_events import FlowEvent, HelloSeen
from capture_agent.flows.packet_path import PacketPath
from capture_agent.flows.skim import SkimmingPacketPath
from capture_agent.rows.tls_hello import tls_hello_row

PATHS = [PacketPath, SkimmingPacketPath]
LISTED_ROWS = 211
EMPTY_RECORDINGS = {"dirsearch", "epiphany-xvfb", "masscan", "node20-node-tls-client", "py-trafilatura"}
"""Recordings of the lab that hold a header and no frame."""


def hellos_of(capture: Path, path_type: type[PacketPath]) -> list[TlsHello]:
    """Rows of all hellos in a capture file."""
    path = path_type("sensor")
    events: list[FlowEvent] = []
    last_us = 0
    with open_capture(capture) as frames:
        for frame in frames:
            last_us = frame.ts_us
            events += path.feed(frame)
            events += path.advance(last_us)
    events += path.finish(last_us)
    return [tls_hello_row(event, "sensor") for event in events if isinstance(event, HelloSeen)]


@pytest.mark.parametrize("path_type", PATHS)
def test_every_listed_flow_of_the_public_captures_has_its_ja4_and_ja3(
    shared_dir: Path, path_type: type[PacketPath]
) -> None:
    folder = shared_dir / "conformance" / "foxio"
    with (folder / "expected.tsv").open() as table:
        expected = list(csv.DictReader(table, delimiter="\t"))
    assert len(expected) == LISTED_ROWS
    found: dict[tuple[str, ...], set[tuple[str | None, str | None]]] = defaultdict(set)
    for name in {row["pcap"] for row in expected}:
        for hello in hellos_of(folder / name, path_type):
            ends = (hello.src_ip, str(hello.src_port), hello.dst_ip, str(hello.dst_port))
            found[(name, hello.transport.value[0], *ends)].add((hello.ja4, hello.ja3_hash))
    missing = [
        row
        for row in expected
        if (row["ja4"], row["ja3_hash"])
        not in found[
            (row["pcap"], row["proto"], row["src_ip"], row["src_port"], row["dst_ip"], row["dst_port"])
        ]
    ]
    assert missing == []


@pytest.mark.parametrize("path_type", PATHS)
def test_every_recorded_client_has_its_listed_ja4_and_ja3(
    shared_dir: Path, path_type: type[PacketPath]
) -> None:
    folder = shared_dir / "lab"
    with (folder / "clients.tsv").open() as table:
        clients = list(csv.DictReader(table, delimiter="\t"))
    missing = []
    compared = 0
    for client in clients:
        capture = folder / "pcaps" / f"{client['client']}.pcap"
        if not capture.exists() or client["client"] in EMPTY_RECORDINGS:
            continue
        compared += 1
        hellos = hellos_of(capture, path_type)
        if client["ja4"] not in {hello.ja4 for hello in hellos} or client["ja3"] not in {
            hello.ja3_hash for hello in hellos
        }:
            missing.append(client["client"])
    assert missing == []
    assert compared == 70
