"""Every shape arrives at a real Apache as it is meant to, and what fails is counted and told."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from private_apache import EventReader, PrivateApache, build_module, reporting_apache

from capture_agent.canary.cli import main
from capture_agent.canary.token import CanaryKey

SECRET = "sixteen octets!!"
KEY = CanaryKey(SECRET.encode())


@pytest.fixture(scope="module")
def server(
    apache_is_installed: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[PrivateApache, EventReader]]:
    with reporting_apache(build_module(tmp_path_factory.mktemp("module"))) as pair:
        yield pair


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    return file


def requests_of(run: str, reader: EventReader, count: int) -> list[dict[str, Any]]:
    """Events of one run of the canary, each with its `nonce` as an agent with the secret finds it."""
    found: list[dict[str, Any]] = []
    for event in reader.requests(count):
        user_agent = dict(event["headers"]).get("User-Agent") or ""
        if nonce := KEY.maybe_nonce(user_agent, event["t_us"]):
            found.append(event | {"nonce": nonce})
    return [event for event in found if event["nonce"].startswith(run)]


def test_one_round_has_every_shape(
    server: tuple[PrivateApache, EventReader], secret_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    apache, reader = server
    arguments = ["--url", f"https://127.0.0.1:{apache.tls_port}", "--secret-file", str(secret_file)]
    before = len(reader.of_kind("end"))
    code = main([*arguments, "--ca-file", str(apache.root / "certificate.pem"), "--rounds", "1"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["complaints"]) == (0, [])
    counted = [report[name] for name in ("connections", "sent", "answered", "resumed")]
    assert counted == [5, 10, 10, 1]

    events = requests_of(report["run"], reader, before + 10)
    numbers = sorted(int(event["nonce"].rpartition("-")[2]) for event in events)
    assert numbers == list(range(1, 11))
    by_connection: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_connection.setdefault(event["host"].split(".")[0], []).append(event)
    assert sorted(map(len, by_connection.values())) == [1, 1, 1, 3, 4]
    for label, together in by_connection.items():
        assert {event["nonce"].rpartition("-")[0] for event in together} == {label}
        assert len({event["src_port"] for event in together}) == 1
        assert {event["proto"] for event in together} == {"HTTP/2.0" if len(together) == 4 else "HTTP/1.1"}


def test_certificate_of_an_unknown_authority_is_refused_and_told(
    server: tuple[PrivateApache, EventReader], secret_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--url", f"https://127.0.0.1:{server[0].tls_port}", "--secret-file", str(secret_file)]
    assert main([*arguments, "--rounds", "1", "--shapes", "single,http2"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["sent"] == 0
    assert [complaint.split(":")[0] for complaint in report["complaints"]] == ["single", "http2"]
    assert "certificate verify failed" in report["complaints"][0]
    assert main([*arguments, "--rounds", "1", "--shapes", "single", "--any-certificate"]) == 0


def test_server_that_is_away_is_told_in_every_round(
    secret_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{probe.getsockname()[1]}"
        code = main(["--url", url, "--secret-file", str(secret_file), "--rounds", "2", "--every", "10ms"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert code == 1
    assert [line["sent"] for line in lines] == [0, 0]
    assert all("refused" in line["complaints"][0] for line in lines)
    assert lines[0]["run"] == lines[1]["run"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--url", "http://shop.test"], "must be https://"),
        (["--url", "https://shop.test"], "no secret"),
        (["--url", "https://shop.test", "--every", "soon"], "write a time as"),
        (["--url", "https://shop.test", "--shapes", "http3"], "choose from single, keep_alive"),
    ],
)
def test_wrong_call_is_explained(
    arguments: list[str],
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("JA4_CANARY_SECRET", raising=False)
    if complaint.startswith("must"):
        monkeypatch.setenv("JA4_CANARY_SECRET", SECRET)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err
