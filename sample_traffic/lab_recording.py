"""Reads a recording that the traffic lab made: frames, requests and the truth about both.

tests/lab/recording/publish.py wrote its files; docs/how-to/record-traffic.md says how they came to be.
"""

from __future__ import annotations

import csv
import lzma
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from capture_agent.events import HttpEvent
from sample_traffic.sample_files import SampleFiles, Truth

RECORDINGS = Path(__file__).parent / "recording"
DEFAULT_RECORDING = "lab-1"
FRAMES, EVENTS, LABELS = "frames.pcap.xz", "http_events.jsonl.xz", "labels.tsv"
EPOCH_US = 1_790_000_000_000_000
"""Every recording starts here; a replay moves it."""

_PCAP_HEADER_BYTES = 24
_RECORD_HEADER = struct.Struct("<IIII")


@dataclass(frozen=True, slots=True)
class Label:
    """What the clients at one address were: a line of `labels.tsv`."""

    address: str
    identity: str
    family: str
    tier: str
    is_bot: bool
    network: str
    """home, mobile, vpn or hosting: from where the address was taken."""
    connections: int
    requests: int


class RecordedEvent(HttpEvent, frozen=True, kw_only=True):
    """A line of the recording's events."""

    ja4_stable: str | None = None
    """Of its connection's hello, as the agent of that day computed it; half of an entity's name."""


@dataclass(frozen=True, slots=True)
class LabRecording:
    """One recording, by its folder's name; every use raises FileNotFoundError if there is none."""

    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return RECORDINGS / self.name

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """(time in us since its start, Ethernet frame), in order."""
        with lzma.open(self.folder / FRAMES) as file:
            file.read(_PCAP_HEADER_BYTES)
            while head := file.read(_RECORD_HEADER.size):
                seconds, micros, captured, _ = _RECORD_HEADER.unpack(head)
                yield seconds * 1_000_000 + micros - EPOCH_US, file.read(captured)

    def events(self) -> Iterator[tuple[int, RecordedEvent]]:
        """(time in us since its start, request), in order."""
        with lzma.open(self.folder / EVENTS) as file:
            for line in file:
                event = msgspec.json.decode(line, type=RecordedEvent)
                yield event.t_us - EPOCH_US, event

    def labels(self) -> list[Label]:
        """One for each address."""
        return [
            Label(
                address=row["address"],
                identity=row["identity"],
                family=row["family"],
                tier=row["tier"],
                is_bot=row["is_bot"] == "1",
                network=row["network"],
                connections=int(row["connections"]),
                requests=int(row["requests"]),
            )
            for row in self._rows(LABELS)
        ]

    def add_to(self, files: SampleFiles, start_us: int) -> None:
        """Add all of it to a sample, its own start at `start_us` (us since the epoch)."""
        truths = {one.address: self._truth(one) for one in self.labels()}
        for at_us, frame in self.frames():
            files.add_frame(start_us + at_us, frame)
        for at_us, event in self.events():
            moved = at_time(event, start_us + at_us)
            files.add_event(moved, event.ja4_stable or "", truths[event.src_ip])

    def _truth(self, one: Label) -> Truth:
        return Truth("bot" if one.is_bot else "human", one.tier, one.family, one.identity, self.name)

    def _rows(self, name: str) -> Iterator[dict[str, str]]:
        with (self.folder / name).open(newline="") as file:
            yield from csv.DictReader(file, delimiter="\t")


def at_time(event: RecordedEvent, t_us: int) -> HttpEvent:
    """The event as a web server would have reported it, had it begun at `t_us`."""
    fields = {name: getattr(event, name) for name in HttpEvent.__struct_fields__}
    if event.conn_start_us is not None:
        fields["conn_start_us"] = event.conn_start_us + t_us - event.t_us
    return HttpEvent(**{**fields, "t_us": t_us})
