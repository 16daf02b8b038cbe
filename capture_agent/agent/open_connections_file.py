"""The file in which a run of the agent leaves its open connections to the next one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from structlog.typing import FilteringBoundLogger

from capture_agent.correlate.open_connections import (
    MAX_HANDOVER_BYTES,
    Handover,
    UnusableHandover,
    decode_handover,
    encode_handover,
)
from capture_agent.pipeline import Pipeline

if TYPE_CHECKING:
    from capture_agent.agent.state_seal import StateSeal

FILE_NAME = "open_connections"
MAX_SEAL_BYTES = 64
"""What sealing adds, and more."""


class OpenConnectionsFile:
    """Kept in the agent's folder of state; readable by the agent alone, since it tells who visits what."""

    def __init__(
        self, state_dir: Path, sensor: str, log: FilteringBoundLogger, seal: StateSeal | None = None
    ) -> None:
        """`seal`: encrypts the file, whose addresses are real ones."""
        self._seal = seal
        self._path = state_dir / FILE_NAME
        self._sensor = sensor
        self._log = log

    def restore(self, pipeline: Pipeline, now_us: int) -> None:
        """Give the pipeline what the run before left, once: the file is removed.

        Left over, it would be taken by a later run too, after one that was killed and left none. A file that
        cannot be used costs a line in the log.
        """
        try:
            octets = self._read()
            if octets is None:
                return
            handover = decode_handover(self._seal.open(octets) if self._seal else octets, self._sensor)
            restored = pipeline.restore(handover, now_us)
        except (OSError, UnusableHandover) as error:
            self._log.warning("open connections not taken over", file=str(self._path), reason=_reason(error))
            return
        away_s = round((now_us - handover.handed_over_us) / 1e6, 3)
        self._log.info(
            "open connections taken over", restored=restored, of=len(handover.connections), away_s=away_s
        )

    def keep(self, handover: Handover) -> None:
        """Leave connections to the next run, all or nothing; a failure costs a line in the log."""
        try:
            octets = encode_handover(handover)
            self._write(self._seal.close(octets) if self._seal else octets)
        except OSError as error:
            self._log.warning("open connections not handed over", file=str(self._path), reason=_reason(error))
            return
        self._log.info("open connections handed over", connections=len(handover.connections))

    def _read(self) -> bytes | None:
        try:
            with self._path.open("rb") as file:
                octets = file.read(MAX_HANDOVER_BYTES + MAX_SEAL_BYTES + 1)
        except FileNotFoundError:
            return None
        self._path.unlink()
        return octets

    def _write(self, octets: bytes) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = self._path.with_name(self._path.name + ".new")
        # Not opened if it is there: in a folder that others may write to, it could be a link of theirs.
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(octets)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._path)


def _reason(error: OSError | UnusableHandover) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
