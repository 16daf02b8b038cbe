"""Finds the lines on which the keys of a TOML file stand; the parser of the standard library does not tell.

The text is known to be valid TOML. Keys inside inline tables are found at the line of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Path = tuple[str | int, ...]
"""Keys from the root down to a value, with the index of each table of an array of tables."""

_HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*|[\[\]{}]')


def lines_of_keys(text: str) -> dict[Path, int]:
    """Number of the line, from 1, of each table header and key."""
    found: dict[Path, int] = {}
    arrays: dict[Path, int] = {}
    table: Path = ()
    for number, line in _statements(text):
        header, key = _HEADER.match(line), _KEY.match(line)
        if header is not None:
            table = _parts(header[2])
            if header[1] == "[[":
                arrays[table] = arrays.get(table, -1) + 1
                table = (*table, arrays[table])
            else:
                table = _inside_arrays(table, arrays)
            found.setdefault(table, number)
        elif key is not None:
            path = table
            for part in _parts(key[1]):
                path = (*path, part)
                found.setdefault(path, number)
    return found


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _inside_arrays(table: Path, arrays: dict[Path, int]) -> Path:
    """`[http.x]` after `[[http]]` is a table of the last of those."""
    path: Path = ()
    for part in table:
        path = (*path, part)
        if path in arrays:
            path = (*path, arrays[path])
    return path


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Lines that begin a statement: not those inside a list or a string of several lines."""
    depth, closing = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if not depth and not closing:
            yield number, line
        key = _KEY.match(line)
        # The brackets of a header are no list.
        rest = "" if not (depth or closing or key) else line[key.end() :] if key and not depth else line
        for token in _TOKEN.findall(rest):
            if closing:
                closing = "" if token == closing else closing
            elif token in ('"""', "'''"):
                closing = token
            elif token in ("[", "{"):
                depth += 1
            elif token in ("]", "}"):
                depth -= 1
