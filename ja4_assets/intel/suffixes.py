"""The Public Suffix List, in its own format (https://github.com/publicsuffix/list/wiki/Format)."""

from __future__ import annotations

import polars as pl

PRIVATE_BEGINS = "===BEGIN PRIVATE DOMAINS==="
COLUMNS = {"suffix": pl.String, "rule": pl.String, "is_private": pl.Boolean}


def read_suffixes(files: dict[str, bytes]) -> dict[str, pl.DataFrame]:
    """One row a rule, names as they go over the wire (RFC 3492); raises ValueError if it is not UTF-8."""
    (content,) = files.values()
    rows: list[tuple[str, str, bool]] = []
    is_private = False
    for line in content.decode("utf-8").splitlines():
        rule = line.split("//")[0].strip().lower()
        is_private |= PRIVATE_BEGINS in line
        if not rule:
            continue
        rule = ".".join(_wire_label(label) for label in rule.split("."))
        if rule.startswith("!"):
            rows.append((rule[1:], "exception", is_private))
        elif rule.startswith("*."):
            rows.append((rule[2:], "wildcard", is_private))
        else:
            rows.append((rule, "suffix", is_private))
    return {"intel_public_suffixes": pl.DataFrame(rows, schema=COLUMNS, orient="row")}


def _wire_label(label: str) -> str:
    """The list is in lower case and normalised already, so that Punycode is all that is left of IDNA."""
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
