"""The Public Suffix List, in its own format (https://github.com/publicsuffix/list/wiki/Format)."""

from __future__ import annotations

import polars as pl

PRIVATE_BEGINS = "===BEGIN PRIVATE DOMAINS==="
COLUMNS = {"suffix": pl.String, "rule": pl.String, "is_private": pl.Boolean}


def read_suffixes(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """One row a rule, names in Unicode as the list has them; raises ValueError if it is not UTF-8."""
    (content,) = files.values()
    rows: list[tuple[str, str, bool]] = []
    is_private = False
    for line in content.decode("utf-8").splitlines():
        rule = line.split("//")[0].strip().lower()
        is_private |= PRIVATE_BEGINS in line
        if not rule:
            continue
        if rule.startswith("!"):
            rows.append((rule[1:], "exception", is_private))
        elif rule.startswith("*."):
            rows.append((rule[2:], "wildcard", is_private))
        else:
            rows.append((rule, "suffix", is_private))
    return {"intel_public_suffixes": pl.DataFrame(rows, schema=COLUMNS, orient="row")}
