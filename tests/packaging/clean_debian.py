"""A Debian in a folder, with a network, processes and mounts of its own, that end with it."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

START_DEADLINE_S = 20
COMMAND_DEADLINE_S = 120
AS_THE_UNIT_DOES = (
    *("setpriv", "--reuid", "ja4-agent", "--regid", "ja4-agent", "--init-groups", "--no-new-privs"),
    *("--inh-caps", "-all,+net_raw", "--ambient-caps", "+net_raw", "--bounding-set", "-all,+net_raw"),
)
"""What the systemd unit grants: the agent's user and groups, packet sockets, and nothing else."""


class CleanDebian:
    """Use as a context manager; nothing in it can reach a network but its own loopback."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._holder: subprocess.Popen[bytes] | None = None
        self._inside = 0

    def __enter__(self) -> CleanDebian:
        ready = self.folder / "run" / "is-ready"
        prepare = (
            'mount -t proc proc "$0/proc" && ip link set lo up && : >"$0/run/is-ready" && exec sleep inf'
        )
        self._holder = subprocess.Popen(
            [
                "unshare",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                prepare,
                str(self.folder),
            ]
        )
        give_up_s = time.monotonic() + START_DEADLINE_S
        while not ready.exists():
            assert self._holder.poll() is None, "no namespaces of our own"
            assert time.monotonic() < give_up_s, "the namespaces were not ready in time"
            time.sleep(0.02)
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        self._inside = int(children[0])
        return self

    def __exit__(self, *_: object) -> None:
        assert self._holder is not None
        self._holder.kill()
        self._holder.wait(START_DEADLINE_S)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [
            *("nsenter", "--net", "--mount", "--pid", "--target", str(self._inside)),
            *("chroot", str(self.folder), "env", "-i", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"),
            *("PATH=/usr/sbin:/usr/bin:/sbin:/bin", *arguments),
        ]

    def run(self, *arguments: str, stdin: bytes = b"") -> str:
        """Output of a command that must succeed."""
        finished = subprocess.run(
            self._command(arguments),
            input=stdin,
            capture_output=True,
            timeout=COMMAND_DEADLINE_S,
            check=False,
        )
        said = finished.stdout.decode(errors="replace")
        assert finished.returncode == 0, f"{arguments}: {said}{finished.stderr.decode(errors='replace')}"
        return said

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """A process that goes on; what it says stands in `log`."""
        with log.open("wb") as opened:
            return subprocess.Popen(self._command(arguments), stdout=opened, stderr=opened)

    def path(self, name: str) -> Path:
        """Where an absolute path of the Debian is."""
        return self.folder / name.lstrip("/")

    def bring(self, file: Path) -> str:
        """Copy a file into it; its path there."""
        place = f"/root/{file.name}"
        self.path(place).write_bytes(file.read_bytes())
        return place

    def owner(self, name: str) -> str:
        """`user:group mode` of a file, as the Debian names them."""
        return self.run("stat", "-c", "%U:%G %a", name).strip()

    def snapshot(self, name: str) -> dict[str, bytes]:
        """Every file below a folder, with its bytes."""
        top = self.path(name)
        return {
            str(file.relative_to(top)): file.read_bytes()
            for file in sorted(top.rglob("*"))
            if file.is_file() and not os.path.islink(file)
        }
