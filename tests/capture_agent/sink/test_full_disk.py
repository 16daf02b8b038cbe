"""The spool on a disk that is really full: a small tmpfs in a mount namespace of the test's own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="needs root and unshare"),
]
DISK_BYTES = 256 << 10

ON_A_SMALL_DISK = """
import json, random, sys, time
from pathlib import Path
from capture_agent.ports import RowCounts
from capture_agent.sink.batch import Batch, content_token
from capture_agent.sink.clickhouse import InsertFailed
from capture_agent.sink.outbox import Outbox, OutboxLimits
from capture_agent.sink.sender import Sender
from capture_agent.sink.spool_store import SpoolFolder

class Database:
    is_away = True
    stored = {}
    def insert(self, table, block, token, encoding=None):
        if self.is_away:
            raise InsertFailed("away", is_transient=True)
        self.stored[token] = 10

said, counts, database = [], RowCounts(), Database()
folder = SpoolFolder(Path(sys.argv[1]) / "spool", 1 << 20, lambda kind, text: said.append(text))
limits = OutboxLimits(memory_bytes=100_000, hold_us=0)
outbox = Outbox(folder, limits, counts, lambda: time.time_ns() // 1_000, lambda kind, text: said.append(text))
sender = Sender(outbox, database, lambda: None, time.monotonic, lambda: 0.0, lambda kind, text: None)
chance = random.Random(1)
for number in range(60):
    block = chance.randbytes(10_000)
    outbox.put(Batch("raw_tls_hellos", 10, block, content_token(block)).packed())
    sender.step()
    outbox.keep_up()
on_disk = outbox.depth().batches
database.is_away = False
while sender.step() is not None:
    pass
print(json.dumps({
    "on_disk": on_disk, "stored": sum(database.stored.values()), "inserted": counts.inserted,
    "discards": {str(reason): rows for reason, rows in counts.discards.items()},
    "left": outbox.depth().rows + outbox.waiting_rows(), "files": len(list(folder.path.glob("*.batch"))),
    "said": sorted(set(said)),
}))
"""


def test_full_disk_costs_counted_rows_and_nothing_else(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size={DISK_BYTES} none {disk}"
    command = ["unshare", "-m", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    run = subprocess.run(
        [*command, sys.executable, "-c", ON_A_SMALL_DISK, str(disk)],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = json.loads(run.stdout)
    assert 10 < told["on_disk"] < 60
    assert set(told["discards"]) == {"disk"}
    assert told["inserted"] == told["stored"]
    assert told["inserted"] + told["discards"]["disk"] == 600
    assert (told["left"], told["files"]) == (0, 0)
    assert told["said"] == ["spool: cannot be written, batches stay in memory: No space left on device"]
