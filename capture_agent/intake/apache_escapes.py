"""Turns the escapes that Apache writes into its logs into ones that JSON knows."""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|.)", re.DOTALL)
_JSON_ESCAPES = frozenset(rb'"\/bfnrtu')


def repair_escapes(line: bytes) -> bytes:
    """The line with `\\xNN` as the byte it stands for, and `\\v` as JSON's own form.

    A byte from 0x80 on becomes itself, so that text which was UTF-8 is UTF-8 again; below 0x20 it becomes
    `\\u00NN`. Any other unknown escape becomes a backslash in the text.
    """
    return _ESCAPE.sub(_repaired, line)


def _repaired(escape: re.Match[bytes]) -> bytes:
    what = escape[1]
    if len(what) == 3:
        byte = int(what[1:], 16)
        return bytes([byte]) if byte >= 0x80 else b"\\u%04x" % byte
    if what == b"v":
        return b"\\u000b"
    return escape[0] if what[0] in _JSON_ESCAPES else b"\\\\" + what
