"""`ja4-agent run` on the servers' end of the cable, with its rows in a file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.network import INTERFACE, inside

DEADLINE_S = 30.0
SENSOR = "lab"
QUIET_S = 5.0
Row = dict[str, Any]


class LiveAgent:
    """One run of the agent, from its start until `stop`."""

    def __init__(self, namespace: str, folder: Path, sources: Sequence[str], **settings: str) -> None:
        """`sources`: the lines of each table `[[http]]`; `settings` as environment variables."""
        folder.mkdir()
        self.rows_file = folder / "rows.jsonl"
        self._log_file = folder / "agent.log"
        configuration = folder / "agent.toml"
        configuration.write_text("".join(f"[[http]]\n{lines}\n" for lines in sources))
        run = (sys.executable, "-m", "capture_agent.cli", "run", "--config", str(configuration))
        where = ("--interface", INTERFACE, "--sink", f"jsonl:{self.rows_file}", "--metrics-port", "0")
        environment = {
            "JA4_DELIVERY_BATCH_AGE_S": "0.2",
            "JA4_AGENT_SENSOR": SENSOR,
            "JA4_AGENT_STATE_DIR": str(folder.parent),
        }
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                inside(namespace, *run, *where), stderr=log, env={**os.environ, **environment, **settings}
            )
        try:
            self._wait_until_started()
        except BaseException:
            self.kill()
            raise

    def _wait_until_started(self) -> None:
        give_up_s = time.monotonic() + DEADLINE_S
        while not any(line["event"] == "started" for line in self.log()):
            if self._process.poll() is not None or time.monotonic() > give_up_s:
                raise RuntimeError(f"the agent did not start: {self._log_file.read_text()}")
            time.sleep(0.05)

    def log(self) -> list[Row]:
        """What it has logged."""
        whole = self._log_file.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines() if line.startswith("{")]

    def rows(self, table: str) -> list[Row]:
        """Rows of one table that it has delivered."""
        if not self.rows_file.exists():
            return []
        marker = f'"table":"{table}"'
        with self.rows_file.open() as lines:
            return [json.loads(line) for line in lines if marker in line and line.endswith("\n")]

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests were delivered; return as well when no more come for some seconds."""
        seen, give_up_s = -1, 0.0
        while True:
            now = self.requests_delivered()
            if now >= count:
                return
            if now > seen:
                seen, give_up_s = now, time.monotonic() + QUIET_S
            elif time.monotonic() > give_up_s:
                return
            time.sleep(0.2)

    def join_states(self) -> dict[str, int]:
        """How many requests it has delivered in each state."""
        return dict(Counter(row["join_state"] for row in self.rows("raw_http_requests")))

    def requests_delivered(self) -> int:
        """Requests that it has delivered so far."""
        if not self.rows_file.exists():
            return 0
        return self.rows_file.read_bytes().count(b'"table":"raw_http_requests"')

    def stop(self) -> int:
        """Ask it to end; its exit code, once it has delivered what it held."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(DEADLINE_S)

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(DEADLINE_S)
