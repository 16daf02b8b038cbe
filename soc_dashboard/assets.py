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


STYLES = PREFIX + "dashboard.css"
"""Path of the files of `static/styles` as one."""


@cache
def styles() -> bytes:
    """The files of `static/styles` as one: `base.css` first, for the others build on it; their own order
    means nothing, each is about its own classes."""
    folder = resources.files("soc_dashboard").joinpath("static", "styles")
    files = sorted(folder.iterdir(), key=lambda file: (file.name != "base.css", file.name))
    return b"\n".join(file.read_bytes() for file in files)


def styles_address() -> str:
    """Address of `styles()`."""
    return f"{STYLES}?v={hashlib.sha256(styles()).hexdigest()[:HASH_DIGITS]}"
