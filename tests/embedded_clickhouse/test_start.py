"""Starting and stopping: what is refused and in which words, and that a stop waits for its requests."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest


def started(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "embedded_clickhouse", *options],
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_start_without_a_password_is_refused(tmp_path: Path) -> None:
    ended = started("--path", str(tmp_path), "--port", "1")
    assert ended.returncode == 2
    assert ended.stderr == (
        "embedded_clickhouse: no password: set JA4_CLICKHOUSE_PASSWORD or give --password-file\n"
    )


def test_password_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    ended = started("--path", str(tmp_path), "--password-file", str(tmp_path / "absent"))
    assert ended.returncode == 2
    assert "cannot read the password from" in ended.stderr


def test_password_file_is_used(tmp_path: Path, run_gateway: Any) -> None:
    secret = tmp_path / "password"
    secret.write_text("from-the-file\n", encoding="utf-8")
    with run_gateway(tmp_path / "data", "--password-file", str(secret)) as gateway:
        assert gateway.ask("select 1").status == 403
        headers = {"X-ClickHouse-User": "ja4", "X-ClickHouse-Key": "from-the-file"}
        assert gateway.ask("select 1", headers=headers).status == 200


def test_taken_port_is_named_together_with_its_option(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        ended = started("--path", str(tmp_path), "--port", str(port), JA4_CLICKHOUSE_PASSWORD="x")
    assert ended.returncode == 2
    assert f"port {port} on 127.0.0.1 is taken; choose another with --port\n" in ended.stderr


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_port_that_is_none_is_refused(tmp_path: Path, port: str) -> None:
    ended = started("--path", str(tmp_path), f"--port={port}", JA4_CLICKHOUSE_PASSWORD="x")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "--port" in ended.stderr


def test_second_process_on_the_same_directory_is_told_who_holds_it(tmp_path: Path, run_gateway: Any) -> None:
    with run_gateway(tmp_path) as gateway:
        ended = started("--path", str(tmp_path), "--port", "1", JA4_CLICKHOUSE_PASSWORD="x")
        assert gateway.ask("select 1").text == "1\n"
    assert ended.returncode == 2
    assert f"is held by process {gateway.process.pid};" in ended.stderr


def test_directory_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    ended = started("--path", str(tmp_path / "file" / "data"), JA4_CLICKHOUSE_PASSWORD="x")
    assert ended.returncode == 2
    assert "cannot use the data directory" in ended.stderr


def test_stop_answers_the_request_under_way_and_keeps_the_data(tmp_path: Path, run_gateway: Any) -> None:
    answers: list[Any] = []
    with run_gateway(tmp_path) as gateway:
        gateway.ask("create table t (id UInt64) engine = MergeTree order by id")
        gateway.ask("insert into t values (1)")
        statement = "insert into t select 2 + sleepEachRow(1) from numbers(1)"
        writer = threading.Thread(target=lambda: answers.append(gateway.ask(statement)))
        writer.start()
        time.sleep(0.4)
        gateway.process.send_signal(signal.SIGTERM)
        writer.join(timeout=20)
        assert gateway.process.wait(timeout=20) == 0
    assert [answer.status for answer in answers] == [200]
    with run_gateway(tmp_path) as gateway:
        assert gateway.ask("select groupArray(id) from (select id from t order by id)").text == "[1,2]\n"


def test_engine_speaks_utc_whatever_the_zone_of_the_machine(
    tmp_path: Path, run_gateway: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_gateway(tmp_path, zone="Pacific/Auckland") as gateway:
        answer = gateway.ask("select timezone(), toUnixTimestamp('2026-11-22 14:00:00')")
    assert answer.text == "UTC\t1795356000\n"
    assert answer.headers["X-ClickHouse-Timezone"] == "UTC"


def test_every_option_and_variable_is_documented(project_root: Path) -> None:
    page = (project_root / "docs/reference/embedded-clickhouse.md").read_text(encoding="utf-8")
    help_text = started("--help").stdout
    names = set(re.findall(r"--[a-z-]+", help_text)) - {"--help"}
    assert len(names) >= 6
    variables = {"JA4_CLICKHOUSE_USER", "JA4_CLICKHOUSE_PASSWORD"}
    assert {name for name in names | variables if f"`{name}`" not in page} == set()


def test_password_and_data_are_closed_to_other_users(tmp_path: Path, run_gateway: Any) -> None:
    with run_gateway(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0
