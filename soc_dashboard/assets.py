"""Addresses of the static files: each carries a hash of its content, so browsers may keep it for ever."""

from __future__ import annotations

import hashlib
import re
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


PAINTED_STYLES = PREFIX + "painted.css"
"""Path of `painted_styles()`."""
_HOST = re.compile(r":host(?:\(([^)]*)\))?")
_KEYFRAMES = re.compile(r"@keyframes [^{]+\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


@cache
def painted_styles() -> bytes:
    """`styles()` for the first paint, which has no shadow roots: each host is an element of class `host`,
    and nothing outside of `#first-paint` is touched."""
    text = styles().decode()
    keyframes = "\n".join(_KEYFRAMES.findall(text))
    inner = _HOST.sub(lambda found: f".host{found[1]}" if found[1] else "&", _KEYFRAMES.sub("", text))
    return f"{keyframes}\n#first-paint {{\n{inner}\n}}\n".encode()


def painted_styles_address() -> str:
    """Address of `painted_styles()`."""
    return f"{PAINTED_STYLES}?v={hashlib.sha256(painted_styles()).hexdigest()[:HASH_DIGITS]}"
