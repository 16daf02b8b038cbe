"""Writes values and names as ClickHouse SQL, for the few places where the engine takes no parameter."""

from __future__ import annotations

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"})
_NAME_ESCAPES = str.maketrans({"\\": "\\\\", "`": "\\`", "\0": "\\0"})


def quoted(text: str) -> str:
    """`text` as a string literal."""
    return f"'{text.translate(_ESCAPES)}'"


def quoted_name(name: str) -> str:
    """`name` as an identifier."""
    return f"`{name.translate(_NAME_ESCAPES)}`"
