"""`ja4-agent replay --http-format`: logs of other servers join like the module's events, and skew is told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Replay = Callable[..., tuple[int, str, list[dict[str, Any]]]]


@pytest.fixture
def replay(tmp_path: Path, recording_dir: Path) -> Replay:
    """Replays the recording's captures with a log; exit code, messages and request rows."""

    def run(log: Path, log_format: str, **environment: str) -> tuple[int, str, list[dict[str, Any]]]:
        rows = tmp_path / "rows.jsonl"
        captures = sorted((recording_dir / "pcaps").glob("*.pcap"))
        command = [
            sys.executable,
            "-m",
            "capture_agent.cli",
            "replay",
            *map(str, captures),
            "--http",
            str(log),
        ]
        done = subprocess.run(
            [*command, "--http-format", log_format, "--sink", f"jsonl:{rows}"],
            env={"PATH": os.defpath, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        written = [json.loads(line) for line in rows.read_text().splitlines()] if rows.exists() else []
        return done.returncode, done.stderr, [row for row in written if row["table"] == "raw_http_requests"]

    return run


def recorded(recording_dir: Path) -> list[dict[str, Any]]:
    lines = (recording_dir / "http_events.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if event.get("ev", "end") == "end"]


def envoy_log(recording_dir: Path, path: Path, skew_us: int = 0) -> Path:
    """The recorded requests as Envoy would have logged them, by docs/how-to/http-events-from-envoy.md."""
    lines = []
    for event in recorded(recording_dir):
        values = {name.lower(): value for name, value in event["headers"]}
        lines.append(
            json.dumps(
                {
                    "time": f"{(event['t_us'] + skew_us) / 1e6:.6f}",
                    "duration_ms": (event.get("dur_us") or 0) // 1_000,
                    "src": f"{event['src_ip']}:{event['src_port']}",
                    "dst": f"{event['dst_ip']}:{event['dst_port']}",
                    "method": event["method"],
                    "target": event["unparsed_uri"],
                    "protocol": event["proto"],
                    "status": event["status"],
                    "tls": "TLSv1.3",
                    "user_agent": values.get("user-agent"),
                }
            )
        )
    path.write_text("\n".join(lines) + "\n")
    return path


def test_log_of_another_server_joins_like_the_modules_events(
    replay: Replay, recording_dir: Path, tmp_path: Path
) -> None:
    code, said, rows = replay(envoy_log(recording_dir, tmp_path / "envoy.log"), "envoy")
    assert code == 0, said
    assert Counter(row["join_state"] for row in rows) == {"matched": len(recorded(recording_dir))}
    assert {row["header_order_hash"] for row in rows} == {None}
    assert "clocks agree: that of the HTTP events is " in said


def test_clocks_that_differ_are_told_with_the_setting_that_helps(
    replay: Replay, recording_dir: Path, tmp_path: Path
) -> None:
    code, said, rows = replay(envoy_log(recording_dir, tmp_path / "envoy.log", -30_000_000), "envoy")
    assert code == 0
    assert not any(row["join_state"] == "matched" for row in rows)
    offset = said.partition("JA4_JOIN_CLOCK_OFFSET_US=")[2].split()[0]
    assert abs(int(offset) + 30_000_000) < 1_000_000
    _, _, corrected = replay(
        tmp_path / "envoy.log", "envoy", JA4_JOIN_CLOCK_OFFSET_US=offset, JA4_JOIN_CLOCK_TOLERANCE_US="100000"
    )
    matched = sum(row["join_state"] == "matched" for row in corrected)
    assert matched >= 0.9 * len(corrected)


def test_unknown_format_is_refused_before_anything_is_written(replay: Replay, recording_dir: Path) -> None:
    code, said, rows = replay(recording_dir / "http_events.jsonl", "iis")
    assert (code, rows) == (2, [])
    assert "mapping iis: choose nginx, apache_json, caddy, haproxy, envoy" in said
