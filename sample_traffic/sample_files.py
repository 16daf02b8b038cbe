"""Writes the sample in time order while it is being made, so that memory does not grow with its length."""

from __future__ import annotations

import csv
import heapq
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from capture_agent.events import HttpEvent

CAPTURE, EVENTS, LABELS = "sample.pcap", "sample_http.jsonl", "sample_labels.tsv"
LABEL_COLUMNS = (
    *("client_ip", "ja4_stable", "host", "entity", "label", "tier", "family", "requests"),
    *("identity", "amplified", "recording"),
)

_PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
_RECORD_HEADER = struct.Struct("<IIII")


@dataclass(frozen=True, slots=True)
class Truth:
    """What made the traffic of an actor."""

    label: str
    """human or bot; programs that serve their reader, as feed readers do, are human."""
    tier: str
    family: str
    identity: str
    recording: str = ""
    """Empty: amplified, not observed."""


class SampleFiles:
    """The capture, the events and the labels of one sample; a context manager.

    Frames and events may be added in any order as long as none is older than the last `write_until`.
    What lies outside the half-open window [start_us, end_us) is left out, as it would be by a capture
    that starts and stops then.
    """

    def __init__(self, folder: Path, start_us: int, end_us: int) -> None:
        self.requests = 0
        self._folder = folder
        self._start_us, self._end_us = start_us, end_us
        self._frames: list[tuple[int, int, bytes]] = []
        self._events: list[tuple[int, int, bytes]] = []
        self._added = 0
        self._truths: dict[tuple[str, str, str], Truth] = {}
        self._request_counts: dict[tuple[str, str, str], int] = {}
        self._capture: BinaryIO
        self._event_lines: BinaryIO

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._capture = (self._folder / CAPTURE).open("wb")
        self._capture.write(_PCAP_HEADER)
        self._event_lines = (self._folder / EVENTS).open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.write_until(self._end_us)
            self._write_labels()
        self._capture.close()
        self._event_lines.close()

    def add_frame(self, ts_us: int, frame: bytes) -> None:
        """One captured frame."""
        if self._start_us <= ts_us < self._end_us:
            self._added += 1
            heapq.heappush(self._frames, (ts_us, self._added, frame))

    def add_event(self, event: HttpEvent, ja4_stable: str, truth: Truth) -> None:
        """A request of the connection whose hello has this `ja4_stable`; empty: it is joined with none."""
        if not self._start_us <= event.t_us < self._end_us:
            return
        self._added += 1
        self.requests += 1
        observed = {name: value for name, value in msgspec.to_builtins(event).items() if value is not None}
        heapq.heappush(self._events, (event.t_us, self._added, msgspec.json.encode(observed)))
        self.add_entity(event.src_ip, ja4_stable, event.host or "", truth, 1)

    def add_entity(self, client_ip: str, ja4_stable: str, host: str, truth: Truth, requests: int = 0) -> None:
        """Label of an entity; two truths for one entity would make the label worthless.

        Raises ValueError if the entity already has another label.
        """
        entity = (client_ip, ja4_stable, host)
        known = self._truths.setdefault(entity, truth)
        if known.label != truth.label:
            raise ValueError(f"{entity} would be both {known.label} and {truth.label}")
        self._request_counts[entity] = self._request_counts.get(entity, 0) + requests

    def entities(self) -> dict[tuple[str, str, str], Truth]:
        """(client_ip, ja4_stable, host) of all entities so far that sent a request, with their truth."""
        return {key: truth for key, truth in self._truths.items() if self._request_counts[key]}

    def write_until(self, now_us: int) -> None:
        """Write out what is older than `now_us`."""
        while self._frames and self._frames[0][0] < now_us:
            ts_us, _, frame = heapq.heappop(self._frames)
            seconds, microseconds = divmod(ts_us, 1_000_000)
            self._capture.write(_RECORD_HEADER.pack(seconds, microseconds, len(frame), len(frame)) + frame)
        while self._events and self._events[0][0] < now_us:
            self._event_lines.write(heapq.heappop(self._events)[2] + b"\n")

    def _write_labels(self) -> None:
        with (self._folder / LABELS).open("w", newline="") as out:
            table = csv.writer(out, delimiter="\t", lineterminator="\n")
            table.writerow(LABEL_COLUMNS)
            for number, (entity, truth) in enumerate(sorted(self._truths.items()), start=1):
                client_ip, ja4_stable, host = entity
                row = (truth.label, truth.tier, truth.family, self._request_counts[entity], truth.identity)
                origin = ("01"[not truth.recording], truth.recording)
                table.writerow((client_ip, ja4_stable, host, f"e{number:05d}", *row, *origin))
