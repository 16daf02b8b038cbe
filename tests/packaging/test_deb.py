"""The .deb as a web server's admin meets it: installed, set up, run beside Apache, upgraded, removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from clean_debian import AS_THE_UNIT_DOES
from versions import FIRST, SECOND

if TYPE_CHECKING:
    from clean_debian import CleanDebian

pytestmark = [pytest.mark.root, pytest.mark.slow]

DEADLINE_S = 60
SETTINGS = "/etc/ja4-agent/agent.toml"
STATE = "/var/lib/ja4-agent"
ROWS = "/var/log/ja4-agent/rows.jsonl"
CANARY = (
    *("--url", "https://127.0.0.1", "--any-certificate", "--secret-file", "/etc/ja4-agent/canary-secret"),
    *("--rounds", "3", "--every", "10ms"),
)
CERTIFICATE = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
    *("-subj", "/CN=shop.test", "-keyout", "/etc/ssl/private/shop.key", "-out", "/etc/ssl/certs/shop.pem"),
)
SITE = """\
ServerName shop.test
<VirtualHost *:443>
  SSLEngine on
  SSLCertificateFile /etc/ssl/certs/shop.pem
  SSLCertificateKeyFile /etc/ssl/private/shop.key
  Protocols h2 http/1.1
</VirtualHost>
"""
Row = dict[str, Any]


@dataclass
class Life:
    """What was seen at each stage, in order."""

    replayed: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    installed: dict[str, str] = field(default_factory=dict)
    """Owner and mode of what the package made."""
    log: str = ""
    settings: str = ""
    spool: dict[str, bytes] = field(default_factory=dict)
    upgraded: dict[str, Any] = field(default_factory=dict)
    removed: dict[str, Any] = field(default_factory=dict)
    purged: dict[str, Any] = field(default_factory=dict)


def wait_for(condition: Callable[[], bool], what: str) -> None:
    give_up_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < give_up_s, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def life(packages: Path, clean_root: CleanDebian, recording_dir: Path, tmp_path_factory: Any) -> Life:
    """One life of the packages."""
    seen = Life()
    debian = clean_root
    first, second = (
        [
            debian.bring(packages / f"{name}_{version}-1_{architecture()}.deb")
            for name in ("ja4-agent", "libapache2-mod-reqin-log")
        ]
        for version in (FIRST, SECOND)
    )
    debian.run("dpkg", "--install", *first)
    seen.installed = {name: debian.owner(name) for name in (STATE, "/var/log/ja4-agent", SETTINGS)}
    seen.replayed = replay(debian, recording_dir)
    set_up(debian)
    seen.settings = debian.path(SETTINGS).read_text()
    log = tmp_path_factory.mktemp("agent") / "agent.log"
    agent = debian.start(*AS_THE_UNIT_DOES, "ja4-agent", "run", "--config", SETTINGS, log=log)
    try:
        wait_for(lambda: '"started"' in log.read_text() or agent.poll() is not None, "the agent's start")
        assert agent.poll() is None, log.read_text()
        debian.run("apachectl", "start")
        debian.run("ja4-canary", *CANARY)
        wait_for(lambda: len(requests(debian)) >= 30, f"30 requests: {log.read_text()}")
        wait_for(lambda: bool(debian.snapshot(f"{STATE}/spool")), f"a batch in the spool: {log.read_text()}")
    finally:
        debian.run("apachectl", "stop")
        for child in Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGTERM)
        agent.wait(DEADLINE_S)
    seen.log, seen.rows = log.read_text(), requests(debian)
    seen.spool = debian.snapshot(STATE)

    debian.run("dpkg", "--install", *second)
    seen.upgraded = state_of(debian)
    debian.run("dpkg", "--remove", "ja4-agent", "libapache2-mod-reqin-log")
    seen.removed = state_of(debian)
    debian.run("dpkg", "--purge", "ja4-agent", "libapache2-mod-reqin-log")
    seen.purged = state_of(debian)
    return seen


def architecture() -> str:
    asked = ["dpkg", "--print-architecture"]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def replay(debian: CleanDebian, recording: Path) -> list[Row]:
    """A recording that the project ships, joined by the installed agent."""
    capture = debian.bring(recording / "pcaps" / "curl-h2.pcap")
    events = debian.bring(recording / "http_events.jsonl")
    said = debian.run("ja4-agent", "replay", capture, "--http", events, "--sink", "stdout")
    return [json.loads(line) for line in said.splitlines()]


def set_up(debian: CleanDebian) -> None:
    """What the admin does: the database's address, the interface, a file beside; Apache with TLS."""
    settings = debian.path(SETTINGS)
    text = settings.read_text().replace('interfaces = ["eth0"]', 'interfaces = ["lo"]')
    text = text.replace("#canary_secret_file", "canary_secret_file")
    sinks = f'[[sinks]]\ntype = "clickhouse"\n[[sinks]]\ntype = "file"\npath = "{ROWS}"\n'
    settings.write_text(text + sinks)
    for name, secret in (
        ("clickhouse-url", "http://agent:secret@127.0.0.1:9/ja4_processing"),
        ("canary-secret", "sixteen octets or more"),
    ):
        debian.run("install", "-m", "640", "-g", "ja4-agent", "/dev/stdin", f"/etc/ja4-agent/{name}",
                   stdin=secret.encode())  # fmt: skip
    debian.run("ja4-agent", "check-config", SETTINGS)
    # The unit's RuntimeDirectory.
    debian.run("install", "-d", "-o", "ja4-agent", "-g", "ja4-agent", "-m", "755", "/run/ja4-agent")
    debian.run(*CERTIFICATE)
    debian.path("/etc/apache2/sites-available/shop.conf").write_text(SITE)
    debian.run("a2enmod", "-q", "ssl", "http2")
    debian.run("a2ensite", "-q", "shop")


def requests(debian: CleanDebian) -> list[Row]:
    """Rows of requests in the file."""
    file = debian.path(ROWS)
    lines = file.read_text().splitlines() if file.exists() else []
    return [row for row in map(json.loads, lines) if row["table"] == "raw_http_requests"]


def state_of(debian: CleanDebian) -> dict[str, Any]:
    """What is there of the packages."""
    program = debian.path("/usr/bin/ja4-agent")
    settings = debian.path(SETTINGS)
    status = debian.run("sh", "-c", "dpkg-query -W -f '${Version} ${Status}' ja4-agent || true")
    return {
        "status": status,
        "says": debian.run("ja4-agent", "--version").split()[0] if program.exists() else None,
        "settings": settings.read_text() if settings.exists() else None,
        "secret": debian.path("/etc/ja4-agent/clickhouse-url").exists(),
        "state": debian.snapshot(STATE),
        "code": sorted(debian.snapshot("/usr/lib/ja4-agent")),
        "left": [
            str(file.relative_to(debian.folder))
            for place in ("etc", "usr", "lib", "run", "var/lib/ja4-agent", "var/log")
            for file in debian.path(place).rglob("*")
            if "ja4" in file.name or "reqin_log" in file.name
        ],
        "apache": debian.run("sh", "-c", "apachectl -M 2>&1 || true"),
    }


def test_install_needs_no_network_and_makes_user_and_folders(life: Life) -> None:
    assert life.installed == {
        STATE: "ja4-agent:ja4-agent 750",
        "/var/log/ja4-agent": "ja4-agent:ja4-agent 750",
        SETTINGS: "root:root 644",
    }


def test_installed_agent_replays_a_recording(life: Life) -> None:
    hellos = [row for row in life.replayed if row["table"] == "raw_tls_hellos"]
    joined = [row for row in life.replayed if row["table"] == "raw_http_requests" and row["sni"]]
    # The JA4 that the recording's own table has for this client.
    assert {row["ja4"] for row in hellos} == {row["ja4"] for row in joined}
    assert {row["user_agent"] for row in joined} == {"curl/7.88.1"}
    assert {row["join_state"] for row in joined} == {"matched"}


def test_agent_runs_without_root_beside_apache_and_joins_its_requests(life: Life) -> None:
    assert Counter(row["join_state"] for row in life.rows) == {"matched": 30}
    for row in life.rows:
        assert row["sni"].split(".")[0] == row["canary_nonce"].rpartition("-")[0]
    protocols = Counter(row["protocol"] for row in life.rows)
    assert protocols == {"HTTP/1.1": 18, "HTTP/2.0": 12}
    assert all(row["h2_fingerprint"] for row in life.rows if row["protocol"] == "HTTP/2.0")


def test_agent_has_the_compiled_packet_path(life: Life) -> None:
    assert life.upgraded["says"] == "ja4-agent"
    compiled = [name for name in life.upgraded["code"] if "/capture_agent/compiled/" in name]
    assert any(name.endswith(".so") for name in compiled)
    assert not [name for name in life.upgraded["code"] if name.endswith((".pyx", ".c"))]


def test_upgrade_keeps_settings_secret_and_spool(life: Life) -> None:
    assert life.upgraded["status"] == f"{SECOND}-1 install ok installed"
    assert any(name.startswith("spool/") for name in life.spool)
    assert (life.upgraded["settings"], life.upgraded["secret"]) == (life.settings, True)
    assert life.upgraded["state"] == life.spool
    assert "reqin_log_module" in life.upgraded["apache"]


def test_removal_takes_the_programs_and_keeps_settings_and_spool(life: Life) -> None:
    assert life.removed["status"] == f"{SECOND}-1 deinstall ok config-files"
    assert (life.removed["says"], life.removed["code"]) == (None, [])
    assert (life.removed["settings"], life.removed["secret"]) == (life.settings, True)
    assert life.removed["state"] == life.spool
    assert "reqin_log" not in life.removed["apache"]


def test_purge_leaves_nothing(life: Life) -> None:
    assert life.purged["settings"] is None
    assert life.purged["state"] == {}
    assert life.purged["left"] == []
