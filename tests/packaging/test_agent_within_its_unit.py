"""The agent makes no system call that its unit forbids: systemd would kill it for the first one."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "packaging" / "agent" / "ja4-agent.service"
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
"""prctl(2), Linux 6.3: what MemoryDenyWriteExecute does by other means."""
DEADLINE_S = 60
CONFINED = f"""
import ctypes, os, sys
if ctypes.CDLL(None).prctl({PR_SET_MDWE}, {PR_MDWE_REFUSE_EXEC_GAIN}, 0, 0, 0) != 0:
    sys.exit("no MDWE")
os.execvp(sys.argv[1], sys.argv[1:])
"""

pytestmark = pytest.mark.root


def calls(group: str) -> set[str]:
    """System calls of a group, as systemd lists them."""
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    names = {line.strip() for line in listed.stdout.splitlines()[1:] if line.strip()}
    found = {name for name in names if name[0] not in "#@"}
    return found.union(*(calls(name) for name in names if name.startswith("@")))


def allowed_calls() -> set[str]:
    """What the lines SystemCallFilter of the unit come to, one after another."""
    allowed: set[str] = set()
    for line in re.findall(r"^SystemCallFilter=(.*)$", UNIT.read_text("utf-8"), re.MULTILINE):
        named: set[str] = set().union(*(calls(group) for group in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def test_every_system_call_of_a_run_is_allowed(tmp_path: Path, free_port: int) -> None:
    missing = [tool for tool in ("strace", "systemd-analyze") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"NOT RUN, system calls were not compared: needs root and {', '.join(missing)}")
    if ctypes.CDLL(None).prctl(PR_SET_MDWE + 1, 0, 0, 0, 0) == -1:  # PR_GET_MDWE
        pytest.skip("NOT RUN, this kernel is older than 6.3 and cannot confine memory as the unit does")
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'sinks = ["clickhouse", "jsonl:{tmp_path}/rows.jsonl"]\n'
        f'[agent]\nstate_dir = "{tmp_path}"\n'
        '[capture]\ninterfaces = ["lo"]\n'
        f'[[http]]\nsocket = "{tmp_path}/http.sock"\ngroup = "daemon"\n'
        '[clickhouse]\nurl = "http://a:b@127.0.0.1:9/ja4_processing"\n'
        f"[metrics]\nport = {free_port}\n"
    )
    trace = tmp_path / "trace"
    agent = [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(settings)]
    traced = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", trace, sys.executable, "-c", CONFINED, *agent],
        env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "none"), "WATCHDOG_USEC": "1000000"},
        stderr=(tmp_path / "log").open("wb"),
    )
    give_up_s = time.monotonic() + DEADLINE_S
    while '"started"' not in (tmp_path / "log").read_text():
        assert traced.poll() is None, (tmp_path / "log").read_text()
        assert time.monotonic() < give_up_s, "the agent did not start"
        time.sleep(0.1)
    with urllib.request.urlopen(f"http://127.0.0.1:{free_port}/metrics", timeout=DEADLINE_S) as answer:
        assert b"process_resident_memory_bytes" in answer.read()
    for child in Path(f"/proc/{traced.pid}/task/{traced.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)
    assert traced.wait(DEADLINE_S) == 0, (tmp_path / "log").read_text()
    used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE))
    assert {"socket", "mmap", "execve"} <= used
    assert used - allowed_calls() == set()
