"""16-bit numbers as text, each formatted once: fingerprints spell the same few hundred values for ever."""

from __future__ import annotations

from typing import Final

MAX_CACHED_NUMBERS: Final = 256
"""Longest list whose spelling is remembered: over three times the longest of a real client (about 80)
and short enough that hostile lists cannot fill the memory through the caches."""


class _Hex4(dict[int, str]):
    def __missing__(self, value: int) -> str:
        text = self[value] = f"{value:04x}"
        return text


class _Decimal(dict[int, str]):
    def __missing__(self, value: int) -> str:
        text = self[value] = str(value)
        return text


HEX4: Final = _Hex4()
"""value -> four lower-case hex digits; grows to at most 65,536 entries."""
DECIMAL: Final = _Decimal()
"""value -> decimal digits; grows to at most 65,536 entries."""
