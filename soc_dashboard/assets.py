"""Addresses of the static files: each carries a hash of its content, so browsers may keep it for ever."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources

PREFIX = "/assets/"
HASH_DIGITS = 12


@cache
def asset(name: str) -> str:
    """Address of `static/<name>`. Raises FileNotFoundError when there is no such file."""
    content = resources.files("soc_dashboard").joinpath("static", *name.split("/")).read_bytes()
    return f"{PREFIX}{name}?v={hashlib.sha256(content).hexdigest()[:HASH_DIGITS]}"
