"""Writes docs/reference/marts.md from the properties of the marts: `python dbt_clickhouse/describe_marts.py`.

The page is the contract between the warehouse and whoever reads it; a test holds it equal to what this gives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).resolve().parent
PAGE = PROJECT.parent / "docs" / "reference" / "marts.md"
BLOCK = re.compile(r"{%\s*docs (?P<name>\w+)\s*%}(?P<text>.*?){%\s*enddocs\s*%}", re.DOTALL)
USE = re.compile(r"{{\s*doc\('(?P<name>\w+)'\)\s*}}")
HEAD = """\
# Marts

What the dashboard, its API and other readers may rely on. Made from the properties in
`dbt_clickhouse/models/marts` by `python dbt_clickhouse/describe_marts.py`; do not edit it here.

The contract: a column keeps its name, type, unit and meaning. New marts and columns may come. One that is
to go is marked in its description for one minor version first. Hours and minutes are starts, UTC; addresses
are `IPv6` with IPv4 mapped (`::ffff:a.b.c.d`).

What a mart is made from: the lineage in Dagster, or `dbt docs generate` and `dbt docs serve` in
`dbt_clickhouse` (with the variables of `profiles.yml`).
"""


def page(project: Path = PROJECT) -> str:
    """The page as it should be."""
    blocks = docs_blocks(project)
    models = sorted(_models(project), key=lambda model: str(model["name"]))
    names = "\n".join(f"- [{one['name']}](#{one['name']}): {_grain(one)}" for one in models)
    return "\n".join([HEAD, names, *(_section(one, blocks) for one in models)]) + "\n"


def docs_blocks(project: Path) -> dict[str, str]:
    """Name -> text of every docs block, on one line."""
    found: dict[str, str] = {}
    for path in sorted((project / "models").rglob("*.md")):
        found |= {block["name"]: _line(block["text"]) for block in BLOCK.finditer(path.read_text())}
    return found


def _models(project: Path) -> list[dict[str, Any]]:
    return [
        model
        for path in sorted((project / "models" / "marts").rglob("*.yml"))
        for model in (yaml.safe_load(path.read_text()) or {}).get("models") or []
    ]


def _section(model: Mapping[str, Any], blocks: Mapping[str, str]) -> str:
    rows = [
        f"| `{column['name']}` | {_cell(str(column.get('data_type', '')))} "
        f"| {_text(str(column.get('description', '')), blocks)} |"
        for column in model.get("columns", [])
    ]
    head = ["", f"## {model['name']}", "", _text(str(model["description"]), blocks), ""]
    return "\n".join([*head, "| column | type | meaning |", "|---|---|---|", *rows])


def _grain(model: Mapping[str, Any]) -> str:
    return re.split(r"[.:](?:\s|$)", _line(str(model["description"])).removeprefix("Grain: "))[0]


def _text(text: str, blocks: Mapping[str, str]) -> str:
    return _line(USE.sub(lambda use: blocks[use["name"]], text)).replace("|", "\\|")


def _cell(kind: str) -> str:
    return f"`{kind.replace('`', '').replace('|', ' ')}`" if kind else ""


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    PAGE.write_text(page())
