"""Paths that an operator's robots.txt forbids every bot, as the operator lists them."""

from __future__ import annotations

import csv
import io
import re

import polars as pl

DISALLOWED = {"host": pl.String, "pattern": pl.String}
MAX_RULES = 2_000
"""Each request of a host is held against all of the host's rules."""


def read_disallowed(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """Lines `host,rule`: a Disallow rule of robots.txt as written there. Raises ValueError."""
    (content,) = files.values()
    rows: set[tuple[str, str]] = set()
    for number, line in enumerate(csv.reader(io.StringIO(content.decode("utf-8"))), 1):
        if len(line) != 2 or not line[0] or not line[1].startswith(("/", "*")):
            raise ValueError(f"line {number}: not a host and a path")
        rows.add((line[0].strip().lower(), rule_pattern(line[1].strip())))
    if len(rows) > MAX_RULES:
        raise ValueError(f"{len(rows)} rules, more than {MAX_RULES}")
    return {"intel_disallowed_paths": pl.DataFrame(sorted(rows), schema=DISALLOWED, orient="row")}


def rule_pattern(rule: str) -> str:
    """RE2 pattern of a rule by RFC 9309 section 2.2.3: `*` is anything, a final `$` the end of the path."""
    is_whole = rule.endswith("$")
    parts = (rule[:-1] if is_whole else rule).split("*")
    return "^" + ".*".join(map(re.escape, parts)) + ("$" if is_whole else "")
