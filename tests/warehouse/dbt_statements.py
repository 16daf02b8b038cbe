"""What dbt sent to the database, by model, in a form that can be read and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

CHANGES = re.compile(r"(?i)^(create|insert|alter|drop|rename|exchange|truncate|system|delete)\b")
DATABASE_OF_THE_CONNECTION = re.compile(r"(?i)^create database")
LINE_COMMENT = re.compile(r"--[^\n]*\n?")


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement that changes tables or rows, whole."""

    invocation: str
    model: str
    text: str


def sent(logs: Path) -> list[Sent]:
    """The statements in dbt's JSON log, in their order within each model."""
    found = []
    for line in (logs / "dbt.log").read_text().splitlines():
        event = json.loads(line)
        message = event["data"].get("base_msg", "")
        named = re.match(r"(?s)On (?:model|seed)\.\w+\.(\w+): /\*.*?\*/\s*(.*?)\.\.\.$", message)
        if named and CHANGES.match(named[2]):
            found.append(Sent(event["info"]["invocation_id"], named[1], named[2].strip()))
    return found


def shortened(statement: Sent) -> str:
    """The statement on one line without what belongs to the model's SQL: column lists, selects and rows.

    `<t>` stands for the model's name, `<run>` for the run's, `<p>` for all partitions that are replaced.
    """
    text = LINE_COMMENT.sub("", statement.text)
    text = re.sub(r"\s+", " ", text)
    text = text.replace(statement.invocation.replace("-", "_"), "<run>")
    text = re.sub(rf"`?\b\w+`?\.`?{statement.model}(\w*(?:<run>)?)`?", r"<t>\1", text)
    text = re.sub(rf"'\w+', '{statement.model}(\w*(?:<run>)?)'", r"<database>, '<t>\1'", text)
    text = re.sub(r"(?i)^(insert into \S+) ?\(.*?\).*?( settings .*)?$", r"\1 (…) …\2", text)
    text = re.sub(r"(?i)^(create (?:or replace )?view \S+(?: on cluster \S+)?).*$", r"\1 as …", text)
    text = re.sub(r"(?i)^(create table \S+(?: on cluster \S+)?) \(.*?\) (engine\b)", r"\1 (…) \2", text)
    text = re.sub(r"(?i)((?:replace|drop) partition(?: id)?) '?\d+'?", r"\1 <p>", text)
    text = re.sub(
        r"(?i)(replace partition id <p> from [^ ,]+)(?:, replace partition id <p> from [^ ,]+)*", r"\1", text
    )
    text = re.sub(r"(?i)(settings.*?)? (?:empty )?as \( .*$", r"\1 as …", text)
    return re.sub(r"(?i)(create (?:or replace )?table \S+(?: on cluster \S+)?) +", r"\1 ", text).strip()


def readable(statements: Iterable[Sent]) -> str:
    """Each run's sequences of statements, under the names of the models that have them."""
    runs: dict[str, dict[str, list[str]]] = {}
    for one in statements:
        if DATABASE_OF_THE_CONNECTION.match(one.text):
            continue
        runs.setdefault(one.invocation, {}).setdefault(one.model, []).append(shortened(one))
    lines = []
    for number, run in enumerate(runs.values(), start=1):
        alike: dict[tuple[str, ...], list[str]] = {}
        for model, sequence in sorted(run.items()):
            alike.setdefault(tuple(sequence), []).append(model)
        for sequence, models in alike.items():
            lines += [f"-- run {number}: {', '.join(models)}", *(f"{each};" for each in sequence), ""]
    return "\n".join(lines)
