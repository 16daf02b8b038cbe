"""Tables `[[sinks]]`: where `run` delivers rows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from capture_agent.settings.fields import Section

FILE_PREFIX = "jsonl:"


class SinkKind(StrEnum):
    """What takes the rows."""

    CLICKHOUSE = "clickhouse"
    FILE = "file"
    """JSON lines."""
    STDOUT = "stdout"
    """JSON lines."""


class SinkSettings(Section):
    """One place to which every row goes."""

    type: SinkKind
    path: Path | None = None
    """The file of a sink of type `file`; this and the rest is for files."""
    rotate_mib: int = Field(default=256, ge=1)
    """Size at which the file is rotated."""
    rotate_h: float = Field(default=24.0, gt=0)
    """Age at which it is rotated."""
    keep: int = Field(default=7, ge=0)
    """Rotated files that stay; older ones are deleted."""
    compress: bool = True
    """Compress rotated files with gzip."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        """Accept `clickhouse`, `stdout` and `jsonl:PATH`, as the command line names sinks."""
        if not isinstance(value, str):
            return value
        if value.startswith(FILE_PREFIX) and value != FILE_PREFIX:
            return {"type": SinkKind.FILE, "path": value.removeprefix(FILE_PREFIX)}
        return {"type": value}

    @model_validator(mode="after")
    def _has_path_if_file(self) -> SinkSettings:
        if (self.path is not None) != (self.type is SinkKind.FILE):
            raise ValueError("a sink of type file needs path, and no other takes it")
        return self

    @property
    def name(self) -> str:
        """As the command line names it."""
        return f"{FILE_PREFIX}{self.path}" if self.type is SinkKind.FILE else str(self.type)
