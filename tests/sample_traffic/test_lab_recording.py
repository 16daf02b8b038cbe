"""A recording of the lab is as large as promised, joined by the agent, and gives no label away."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import msgspec
import polars as pl
import pytest

from capture_agent.cli import main as agent_main
from sample_traffic.amplify import amplify
from sample_traffic.lab_recording import DEFAULT_RECORDING, RECORDINGS, LabRecording, RecordedEvent
from sample_traffic.sample_files import CAPTURE, EVENTS
from sample_traffic.truth import labels_of_recordings, recording_names

HOUR_US = 3_600_000_000
END_US = 1_795_000_000_000_000
BOT_TIERS = {
    "honest_bot", "spoofed_agent", "scanner", "tls_impersonator", "automated_browser", "low_and_slow",
    "credential_stuffing", "distributed",
}  # fmt: skip
HUMAN_SLICES = {"first_visit", "returning", "mobile", "shared_address", "rss_reader", "uptime_monitor"}


@pytest.fixture(scope="module", params=recording_names())
def lab(request: pytest.FixtureRequest) -> LabRecording:
    return LabRecording(request.param)


@pytest.fixture(scope="module")
def events(lab: LabRecording) -> list[tuple[int, RecordedEvent]]:
    return list(lab.events())


def test_default_recording_is_as_large_as_promised() -> None:
    labels = LabRecording(DEFAULT_RECORDING).labels()
    assert sum(one.requests > 0 for one in labels) >= 150
    assert sum(one.requests for one in labels) >= 20_000


def test_recordings_stay_small() -> None:
    files = [path for path in RECORDINGS.glob("lab-*/*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 20_000_000


def test_every_tier_is_there(lab: LabRecording) -> None:
    tiers = Counter((one.is_bot, one.tier) for one in lab.labels() if one.requests)
    assert {tier for is_bot, tier in tiers if is_bot} == BOT_TIERS
    assert {tier for is_bot, tier in tiers if not is_bot} == HUMAN_SLICES


def test_every_request_has_a_label_and_counts_agree(
    lab: LabRecording, events: list[tuple[int, RecordedEvent]]
) -> None:
    sent = Counter(event.src_ip for _, event in events)
    labels = {one.address: one for one in lab.labels()}
    assert set(sent) <= set(labels)
    # What a client did after the recording's last hour is not in it.
    assert all(sent[address] <= one.requests for address, one in labels.items())
    assert sum(sent.values()) > 0.98 * sum(one.requests for one in labels.values())


def test_no_request_names_its_identity_or_tier(
    lab: LabRecording, events: list[tuple[int, RecordedEvent]]
) -> None:
    telling = {one.identity for one in lab.labels()} | BOT_TIERS | HUMAN_SLICES
    for _, event in events:
        shown = [event.unparsed_uri, event.host or "", *(value or "" for _, value in event.headers)]
        assert not set(re.split(r"[^\w.-]+", "\n".join(shown))) & telling


def test_the_hour_of_day_tells_nothing(lab: LabRecording, events: list[tuple[int, RecordedEvent]]) -> None:
    """Each quarter of the recording has first requests of people and of bots, about as many as the others."""
    is_bot = {one.address: one.is_bot for one in lab.labels()}
    first: dict[str, int] = {}
    for at_us, event in events:
        first.setdefault(event.src_ip, at_us)
    for kind in (True, False):
        quarters = Counter(at // (6 * HOUR_US) for address, at in first.items() if is_bot[address] is kind)
        total = sum(quarters.values())
        assert all(0.08 * total < quarters[number] < 0.6 * total for number in range(4)), (kind, quarters)


def test_the_network_alone_is_no_label(lab: LabRecording) -> None:
    kinds = {
        is_bot: Counter(one.network for one in lab.labels() if one.is_bot is is_bot)
        for is_bot in (True, False)
    }
    for network in ("home", "hosting", "vpn"):
        assert kinds[True][network] >= 3
        assert kinds[False][network] >= 2


def test_some_bots_have_a_persons_fingerprint(
    lab: LabRecording, events: list[tuple[int, RecordedEvent]]
) -> None:
    labels = {one.address: one for one in lab.labels()}
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for _, event in events:
        one = labels[event.src_ip]
        if event.ja4_stable and (one.is_bot or one.tier not in ("rss_reader", "uptime_monitor")):
            found[one.is_bot].add(event.ja4_stable)
    assert found[True] & found[False]
    assert found[True] - found[False]


def test_the_agent_joins_every_request_but_those_without_tls(
    lab: LabRecording, events: list[tuple[int, RecordedEvent]], tmp_path: Path
) -> None:
    amplify(tmp_path, end_us=END_US, scale=0, recording=lab.name)
    out = tmp_path / "rows.jsonl"
    replay = ["replay", str(tmp_path / CAPTURE), "--http", str(tmp_path / EVENTS), "--sink", f"jsonl:{out}"]
    assert agent_main(replay) == 0
    rows = list(map(msgspec.json.decode, out.read_bytes().splitlines()))
    requests = [row for row in rows if row["table"] == "raw_http_requests"]
    states = Counter(row["join_state"] for row in requests)
    assert sum(states.values()) == len(events)
    assert states["matched"] > 0.995 * len(events)
    assert {row["transport"] for row in rows if row["table"] == "raw_tls_hellos"} == {"tcp", "quic"}
    recorded = Counter((event.src_ip, event.ja4_stable) for _, event in events if event.ja4_stable)
    assert Counter((row["client_ip"], row["ja4_stable"]) for row in requests if row["ja4_stable"]) == recorded


def test_labels_as_a_frame() -> None:
    table = labels_of_recordings()
    assert table.columns[:7] == ["address", "identity", "family", "tier", "is_bot", "amplified", "recording"]
    assert table.schema["is_bot"] == pl.Boolean
    assert not table["amplified"].any()
    assert set(table["recording"]) == set(recording_names())
