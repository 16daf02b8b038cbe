"""A sample is repeatable, complete, labelled, joined by the agent, and gives no label away."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path

import msgspec
import pytest

from capture_agent.cli import main as agent_main
from capture_agent.events import HttpEvent, JoinState, Quality
from sample_traffic.__main__ import main
from sample_traffic.addresses import HOME, HOSTING, VPN, Network
from sample_traffic.amplify import Summary, amplify
from sample_traffic.lab_recording import DEFAULT_RECORDING, LabRecording
from sample_traffic.recorded import load_recording
from sample_traffic.sample_files import CAPTURE, EVENTS, LABELS
from sample_traffic.truth import labels_of_sample

END = datetime(2026, 11, 22, 14, tzinfo=UTC)
END_US = int(END.timestamp()) * 1_000_000
HOUR_US = 3_600_000_000
SMALL = 0.04


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def read_events(folder: Path) -> list[HttpEvent]:
    with (folder / EVENTS).open("rb") as lines:
        return [msgspec.json.decode(line, type=HttpEvent, strict=True) for line in lines]


def read_labels(folder: Path) -> list[dict[str, str]]:
    with (folder / LABELS).open() as source:
        return list(csv.DictReader(source, delimiter="\t"))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Summary]:
    folder = tmp_path_factory.mktemp("full")
    return folder, amplify(folder, end_us=END_US)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    amplify(folder, end_us=END_US, scale=SMALL, recording="")
    return folder


@pytest.fixture(scope="module")
def rows(small: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, object]]]:
    """Rows that `ja4-agent replay` writes for the small sample, by table."""
    out = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    status = agent_main(
        [
            "replay",
            str(small / CAPTURE),
            "--http",
            str(small / EVENTS),
            "--sink",
            f"jsonl:{out}",
            "--sensor",
            "t",
        ]
    )
    assert status == 0
    tables: dict[str, list[dict[str, object]]] = defaultdict(list)
    for line in out.read_bytes().splitlines():
        row = msgspec.json.decode(line)
        tables[row.pop("table")].append(row)
    return tables


def test_same_seed_gives_the_same_bytes_and_another_seed_others(small: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    amplify(again, end_us=END_US, scale=SMALL, recording="")
    amplify(other, end_us=END_US, scale=SMALL, recording="", seed=8)
    assert digests(again) == digests(small)
    assert not set(digests(other).values()) & set(digests(small).values())


def test_a_full_day_has_the_promised_size_and_share_of_bots(full: tuple[Path, Summary]) -> None:
    folder, summary = full
    assert summary.requests >= 50_000
    assert summary.entities >= 1_000
    assert 0.08 <= summary.bot_entities / summary.entities <= 0.12
    assert len(read_events(folder)) == summary.requests
    labels = [row for row in read_labels(folder) if int(row["requests"])]
    assert len(labels) == summary.entities
    assert sum(int(row["requests"]) for row in labels) == summary.requests
    assert "not observed" in (folder / "README").read_text()


def test_the_labs_recording_is_in_it_and_people_are_added(full: tuple[Path, Summary]) -> None:
    lab = {one.address: one for one in LabRecording(DEFAULT_RECORDING).labels() if one.requests}
    labels = read_labels(full[0])
    observed = {row["client_ip"]: row for row in labels if row["amplified"] == "0"}
    assert {row["recording"] for row in observed.values()} == {DEFAULT_RECORDING}
    assert set(observed) <= set(lab)
    for address, row in observed.items():
        one = lab[address]
        assert (row["tier"], row["family"], row["identity"]) == (one.tier, one.family, one.identity)
        assert row["label"] == ("bot" if one.is_bot else "human")
    assert {row["label"] for row in labels if row["amplified"] == "1"} == {"human"}
    assert not {row["client_ip"] for row in labels if row["amplified"] == "1"} & set(lab)


def test_labels_as_a_frame_have_a_row_for_each_address(full: tuple[Path, Summary]) -> None:
    table = labels_of_sample(full[0])
    assert table["address"].n_unique() == table.height
    assert table["requests"].sum() == full[1].requests
    bots = table.filter("is_bot")
    assert not bots["amplified"].any()
    assert bots["tier"].n_unique() == 8


def test_neither_bots_nor_people_keep_to_their_networks(full: tuple[Path, Summary]) -> None:
    def share(label: str, networks: tuple[Network, ...]) -> float:
        spans = [ip_network(network.prefix) for network in networks]
        addresses = {ip_address(row["client_ip"]) for row in read_labels(full[0]) if row["label"] == label}
        return sum(any(address in span for span in spans) for address in addresses) / len(addresses)

    assert share("bot", HOME) > 0.2
    assert 0.2 < share("bot", HOSTING) < 0.8
    assert share("human", VPN) > 0.005
    assert share("human", HOME) < 0.95


def test_addresses_are_shared_by_people(full: tuple[Path, Summary]) -> None:
    fingerprints: dict[str, set[str]] = defaultdict(set)
    for row in read_labels(full[0]):
        fingerprints[row["client_ip"]].add(row["ja4_stable"])
    assert sum(len(found) >= 3 for found in fingerprints.values()) >= 10


def test_amplified_people_sleep(small: Path) -> None:
    by_hour = Counter(event.t_us // HOUR_US % 24 for event in read_events(small))
    assert min(by_hour[hour] for hour in range(24)) < max(by_hour.values()) / 4


def test_events_and_frames_lie_in_the_window_in_order(small: Path) -> None:
    times = [event.t_us for event in read_events(small)]
    assert times == sorted(times)
    assert times[0] >= END_US - 24 * HOUR_US
    assert END_US - 3 * HOUR_US < times[-1] < END_US
    capture, frames, at = (small / CAPTURE).read_bytes(), [], 24
    while at < len(capture):
        seconds, micros, length = (int.from_bytes(capture[at + i : at + i + 4], "little") for i in (0, 4, 8))
        frames.append(seconds * 1_000_000 + micros)
        at += 16 + length
    assert frames == sorted(frames)
    assert END_US - 24 * HOUR_US <= frames[0] <= frames[-1] < END_US


def test_the_agent_joins_over_99_percent(rows: dict[str, list[dict[str, object]]], small: Path) -> None:
    states = Counter(row["join_state"] for row in rows["raw_http_requests"])
    assert sum(states.values()) == len(read_events(small))
    assert states[JoinState.MATCHED] > 0.99 * sum(states.values())


def test_every_hello_is_whole_and_one_of_the_recorded(rows: dict[str, list[dict[str, object]]]) -> None:
    recorded = {ja4 for client in load_recording().values() for ja4 in client.ja4}
    for hello in rows["raw_tls_hellos"]:
        assert hello["quality"] in {Quality.COMPLETE, Quality.REASSEMBLED}
        assert hello["ja4"] in recorded
        assert hello["tcp_ttl"] is not None


def test_every_joined_request_has_a_label(rows: dict[str, list[dict[str, object]]], small: Path) -> None:
    labels = {(row["client_ip"], row["ja4_stable"], row["host"]): row for row in read_labels(small)}
    requests = Counter((r["client_ip"], r["ja4_stable"], r["host"]) for r in rows["raw_http_requests"])
    assert set(requests) <= set(labels)
    assert {key: int(labels[key]["requests"]) for key in requests} == dict(requests)


def test_requests_come_after_their_hello_and_before_the_close(
    rows: dict[str, list[dict[str, object]]],
) -> None:
    assert all(row["join_confidence"] == 1 for row in rows["raw_http_requests"])
    gaps = [row["hello_to_request_us"] for row in rows["raw_http_requests"]]
    assert all(isinstance(gap, int) and gap > 0 for gap in gaps)


def test_some_people_resume_sessions(rows: dict[str, list[dict[str, object]]]) -> None:
    assert {row["has_psk"] for row in rows["raw_tls_hellos"]} == {True, False}


def test_referers_on_a_site_were_visited_before(small: Path) -> None:
    human = {row["client_ip"] for row in read_labels(small) if row["label"] == "human"}
    visited: dict[str, set[str]] = defaultdict(set)
    for event in read_events(small):
        if event.src_ip not in human:
            continue
        referer = next((value for name, value in event.headers if name == "Referer"), None) or ""
        if referer.startswith(f"https://{event.host}/"):
            assert referer in visited[event.src_ip]
        visited[event.src_ip].add(f"https://{event.host}{event.unparsed_uri}")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [(["--end", "yesterday"], "yesterday"), (["--hours", "0"], "--hours"), (["--scale", "nan"], "--scale")],
)
def test_senseless_arguments_are_refused(
    arguments: list[str], complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(tmp_path), *arguments])
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        assert (
            main(["--out", str(tmp_path), "--scale", "0.01", "--hours", "6", "--end", END.isoformat()]) == 0
        )
    assert f"{len(read_events(tmp_path))} requests" in said.getvalue()
