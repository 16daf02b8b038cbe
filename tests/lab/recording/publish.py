"""Makes of what the lab saw the recording that is kept: small, in its own time, with other addresses.

What stays as it was sent: the octets of every hello, the SYN's options and window (of people who are said to
be on another system: that system's), the cut into segments where the options allow it, who ended a connection
and how, every request with its headers. What is composed: addresses, hops, round trips, the length of pauses.
"""

from __future__ import annotations

import json
import lzma
import random
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from lab.recording.places import Place, place_for
from lab.recording.rebuilt import frames_of, quic_frame
from lab.recording.timeline import Timeline, read_pauses
from lab.recording.town import NGINX_SERVER, SERVER
from lab.recording.wire_story import read_story

from capture_agent.events import HttpEvent
from capture_agent.intake.event_lines import read_events
from capture_agent.intake.formats import line_decoder
from capture_agent.intake.normal_form import NormalForm

PUBLIC_SERVERS = {SERVER: "203.0.113.80", NGINX_SERVER: "203.0.113.81"}
EPOCH_US = 1_790_000_000_000_000
"""Start of every recording; a replay moves it."""
CAPTURE, EVENTS, LABELS = "frames.pcap.xz", "http_events.jsonl.xz", "labels.tsv"
COLUMNS = ("address", "identity", "family", "tier", "is_bot", "network", "connections", "requests")
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
START_TOGETHER_US = 120_000_000


@dataclass(frozen=True, slots=True)
class _Life:
    """One client's place in the recording."""

    identity: dict[str, Any]
    place: Place
    system: str
    timeline: Timeline
    begins_us: int

    def at_us(self, lab_us: int) -> int:
        """A moment of the lab in the recording's time."""
        return self.begins_us + self.timeline.since_start_us(lab_us)


class _Session:
    """One session of the lab: finds the client that had an address and a port."""

    def __init__(self, folder: Path, hours: float, rng: random.Random, taken: set[str]) -> None:
        self.folder = folder
        window_us = int(hours * 3_600_000_000)
        identities = {one["name"]: one for one in json.loads((folder / "identities.json").read_text())}
        places = {name: place_for(one["tier"], one["is_bot"], rng, taken) for name, one in identities.items()}
        together: dict[str, float] = {}
        self._by_address: dict[str, list[tuple[range, _Life]]] = {}
        for run in sorted(
            json.loads((folder / "runs.json").read_text()), key=lambda run: (run["identity"], run["client"])
        ):
            identity = identities[run["identity"]]
            pauses = read_pauses(Path(run["pauses"]).read_text())
            timeline = Timeline(run["started_us"], pauses, run["ended_us"])
            share = together.setdefault(
                identity["campaign"] or run["identity"] + str(run["client"]), rng.random()
            )
            slack_us = max(0, window_us - timeline.length_us - START_TOGETHER_US)
            begins_us = EPOCH_US + int(share * slack_us) + rng.randrange(START_TOGETHER_US)
            life = _Life(
                identity,
                places[run["identity"]],
                identity["clients"][run["client"]]["system"],
                timeline,
                begins_us,
            )
            ports = range(run["first_port"], run["last_port"] + 1)
            self._by_address.setdefault(run["address"], []).append((ports, life))
        self.identities, self.places = identities, places

    def maybe(self, address: str, port: int) -> _Life | None:
        """None for an address that is nobody's."""
        for ports, life in self._by_address.get(address, ()):
            if port in ports:
                return life
        return None


def publish(folders: Sequence[Path], out: Path, *, seed: int, hours: float) -> str:
    """Write the recording made of the lab's sessions to `out`; what it holds, in words."""
    places, taken = random.Random(f"{seed}/places"), set[str]()
    sessions = [_Session(folder, hours, places, taken) for folder in folders]
    window = (EPOCH_US, EPOCH_US + int(hours * 3_600_000_000))
    rng = random.Random(f"{seed}/wire")
    frames: list[tuple[int, bytes]] = []
    connections: Counter[str] = Counter()
    events: list[dict[str, Any]] = []
    requests: Counter[str] = Counter()
    for session in sessions:
        frames += _frames(session, connections, rng)
        events += _events(session, requests)
    events.sort(key=lambda event: (event["t_us"], event["src_ip"]))
    out.mkdir(parents=True)
    _write(out / CAPTURE, _pcap((ts, frame) for ts, frame in sorted(frames) if window[0] <= ts < window[1]))
    inside = [event for event in events if window[0] <= event["t_us"] < window[1]]
    stable = _stable_fingerprints(out / CAPTURE, inside)
    for event in inside:
        event["ja4_stable"] = stable.get((event["src_ip"], event["src_port"], event["t_us"]))
    _write(out / EVENTS, (msgspec.json.encode(event) + b"\n" for event in inside))
    with (out / LABELS).open("w") as labels:
        labels.write("\t".join(COLUMNS) + "\n")
        for line in sorted(_label_lines(sessions, connections, requests)):
            labels.write(line + "\n")
    return _summary(sessions, requests, connections, out)


def _label_lines(
    sessions: Iterable[_Session], connections: Counter[str], requests: Counter[str]
) -> Iterator[str]:
    for session in sessions:
        for name, one in session.identities.items():
            place = session.places[name]
            row = (place.address, name, one["family"], one["tier"], "01"[one["is_bot"]], place.network)
            yield "\t".join(map(str, (*row, connections[name], requests[name])))


def _frames(session: _Session, connections: Counter[str], rng: random.Random) -> Iterator[tuple[int, bytes]]:
    """All frames in the recording's time, in no order; counts the connections of each identity."""
    story = read_story(session.folder / "raw.pcap")
    last_end_us: dict[tuple[str, int, str], int] = {}
    for seen in story.connections:
        life = session.maybe(seen.src, seen.src_port)
        if life is None or seen.dst not in PUBLIC_SERVERS:
            continue
        connections[life.identity["name"]] += 1
        key = (seen.src, seen.src_port, seen.dst)
        rtt_us = int(life.place.rtt_us * rng.uniform(0.95, 1.25))
        if key in last_end_us:
            # A port used again at once: the SYN must not come before the end of the connection before.
            rtt_us = min(rtt_us, max(20, (life.at_us(seen.syn_us) - last_end_us[key]) // 3))
        server = PUBLIC_SERVERS[seen.dst]
        yield from frames_of(seen, life.at_us, life.place, server, life.system, rtt_us, rng)
        last_end_us[key] = life.at_us(seen.end_us or seen.syn_us)
    for datagram in story.datagrams:
        life = session.maybe(datagram.src, datagram.src_port)
        if life is not None:
            frame = quic_frame(datagram, life.place, PUBLIC_SERVERS[datagram.dst])
            yield life.at_us(datagram.at_us) - life.place.rtt_us, frame


def _events(session: _Session, requests: Counter[str]) -> Iterator[dict[str, Any]]:
    """All requests in the recording's time, in no order; counts those of each identity."""
    for event in _raw_events(session.folder):
        life = session.maybe(event["src_ip"], event["src_port"])
        if life is None or event["dst_ip"] not in PUBLIC_SERVERS:
            continue
        requests[life.identity["name"]] += 1
        started_us = event.get("conn_start_us")
        if started_us:
            # Rounded down, it would lie in the pause before the connection, and be stretched away from it.
            started_us += event.get("time_error_us", 0)
        yield (
            event
            | {"t_us": life.at_us(event["t_us"]), "src_ip": life.place.address}
            | {"dst_ip": PUBLIC_SERVERS[event["dst_ip"]]}
            | ({"conn_start_us": life.at_us(started_us)} if started_us else {})
        )


def _raw_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Finished requests of all three servers, as objects of the agent's own format."""
    unwanted = {"source_id", "source_seq", "useragent_ip", "conn_seq"}
    for name in ("apache.jsonl", "quic.jsonl"):
        for line in (folder / name).read_bytes().splitlines():
            event = msgspec.json.decode(line)
            if event.get("ev", "end") == "end":
                yield {
                    key: value for key, value in event.items() if key not in unwanted and value is not None
                }
    decoder = line_decoder("nginx", NormalForm(stores_query=True))
    for normal in read_events(folder / "nginx.jsonl", decoder, lambda bad: print(bad)):
        assert isinstance(normal, HttpEvent)
        whole = msgspec.to_builtins(normal)
        yield {key: value for key, value in whole.items() if key not in unwanted and value is not None}


def _stable_fingerprints(
    capture: Path, events: Iterable[dict[str, Any]]
) -> dict[tuple[str, int, int], str | None]:
    """`ja4_stable` of the hello that the agent joins each request with, by source address, port and time."""
    with tempfile.TemporaryDirectory(prefix="ja4rec-") as name:
        folder = Path(name)
        (folder / "frames.pcap").write_bytes(lzma.decompress(capture.read_bytes()))
        (folder / "events.jsonl").write_bytes(
            b"".join(msgspec.json.encode(event) + b"\n" for event in events)
        )
        replay = [sys.executable, "-m", "capture_agent.cli", "replay", str(folder / "frames.pcap")]
        replay += ["--http", str(folder / "events.jsonl"), "--sink", f"jsonl:{folder / 'rows.jsonl'}"]
        subprocess.run(replay, check=True)
        rows = map(msgspec.json.decode, (folder / "rows.jsonl").read_bytes().splitlines())
        return {
            (row["peer_ip"], row["src_port"], _microseconds(row["ts"])): row["ja4_stable"]
            for row in rows
            if row["table"] == "raw_http_requests" and row["join_state"] == "matched"
        }


def _microseconds(ts: str) -> int:
    return (datetime.fromisoformat(ts).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


def _pcap(frames: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    yield PCAP_HEADER
    for ts_us, frame in frames:
        yield struct.pack("<IIII", *divmod(ts_us, 1_000_000), len(frame), len(frame)) + frame


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    with lzma.open(path, "wb", preset=6) as file:
        for piece in pieces:
            file.write(piece)


def _summary(
    sessions: Sequence[_Session], requests: Counter[str], connections: Counter[str], out: Path
) -> str:
    tiers: dict[str, list[int]] = {}
    for name, one in [pair for session in sessions for pair in session.identities.items()]:
        row = tiers.setdefault(f"{'bot' if one['is_bot'] else 'benign'} {one['tier']}", [0, 0, 0, 0])
        row[0] += 1
        row[1] += not requests[name]
        row[2] += connections[name]
        row[3] += requests[name]
    lines = [f"{'tier':34}{'identities':>11}{'silent':>8}{'connections':>13}{'requests':>10}"]
    lines += [f"{name:34}{a:11}{b:8}{c:13}{d:10}" for name, (a, b, c, d) in sorted(tiers.items())]
    sizes = ", ".join(f"{path.name} {path.stat().st_size:,}" for path in sorted(out.iterdir()))
    total = [sum(row[i] for row in tiers.values()) for i in range(4)]
    lines += [f"{'all':34}{total[0]:11}{total[1]:8}{total[2]:13}{total[3]:10}", sizes]
    return "\n".join(lines)
