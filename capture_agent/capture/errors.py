"""What a capture source raises."""

from __future__ import annotations

from pathlib import Path


class CaptureFileError(Exception):
    """A file that is no capture, or is damaged beyond a cut at its end.

    `path`, `offset` (bytes from the start of the file) and `reason` say where and why.
    """

    def __init__(self, path: Path, offset: int, reason: str) -> None:
        super().__init__(f"{path}: at byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason
