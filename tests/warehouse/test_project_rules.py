"""The rules of the dbt project, as dbt-project-evaluator has them; known violations may only get fewer.

The evaluator itself is not used: its models do not run on ClickHouse.
"""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

LAYERS = {"staging": ("stg_",), "intermediate": ("int_",), "marts": ("fct_", "dim_")}
KNOWN = "known_violations.txt"


class Project:
    """Models with their layer, text and properties, read from the files."""

    def __init__(self, folder: Path) -> None:
        self.sql = {path.stem: path for path in sorted((folder / "models").rglob("*.sql"))}
        self.properties: dict[str, dict[str, object]] = {}
        for path in sorted((folder / "models").rglob("*.yml")):
            for model in (yaml.safe_load(path.read_text()) or {}).get("models") or []:
                self.properties[model["name"]] = model

    def layer(self, name: str) -> str:
        """Folder under models/."""
        return next(part for part in self.sql[name].parts if part in LAYERS)

    def violations(self) -> list[str]:
        """`rule: model` of everything that the rules object to."""
        found: list[str] = []
        for name, path in self.sql.items():
            text, layer, properties = path.read_text(), self.layer(name), self.properties.get(name, {})
            if not name.startswith(LAYERS[layer]):
                found.append(f"prefix of its layer: {name}")
            if not str(properties.get("description", "")).startswith("Grain: "):
                found.append(f"grain in the description: {name}")
            if not any("unique_key" in test for test in properties.get("data_tests", [])):
                found.append(f"test of its key: {name}")
            columns = properties.get("columns", [])
            if not columns or not all(str(column.get("description", "")).strip() for column in columns):
                found.append(f"every column described: {name}")
            if "source(" in text and layer == "intermediate":
                found.append(f"sources are read by staging only: {name}")
            for parent in re.findall(r"ref\('(\w+)'\)", text):
                if layer == "marts" and parent.startswith("stg_"):
                    found.append(f"marts do not read staging: {name} {parent}")
                if layer == "staging" and not parent.startswith("stg_"):
                    found.append(f"staging reads sources: {name} {parent}")
                if layer == "intermediate" and parent.startswith(("fct_", "dim_")):
                    found.append(f"intermediate models do not read marts: {name} {parent}")
        return sorted(found)


@pytest.fixture(scope="module")
def project(project_root: Path) -> Project:
    return Project(project_root / "dbt_clickhouse")


def test_nothing_new_breaks_a_rule_and_what_is_mended_leaves_the_list(project: Project) -> None:
    known = Path(__file__).with_name(KNOWN).read_text().splitlines()
    assert sorted(known) == known
    found = project.violations()
    assert [violation for violation in found if violation not in known] == []
    models = {line: line.split(": ")[1].split()[0] for line in known}
    mended = [line for line in known if line not in found and models[line] in project.sql]
    assert mended == []


def test_every_model_has_properties_and_every_property_a_model(project: Project) -> None:
    assert project.properties.keys() == project.sql.keys()


def test_a_description_is_written_once(project: Project) -> None:
    """A text that two tables need is a docs block in columns.md; the ledger's counters share two."""
    texts = Counter(
        " ".join(str(column["description"]).split())
        for name, model in project.properties.items()
        if name not in ("stg_agent_ticks", "fct_sensor_minute")
        for column in model.get("columns", [])
        if column.get("description") and "doc(" not in str(column["description"])
    )
    assert [text for text, uses in texts.items() if uses > 1] == []


def test_page_of_the_marts_is_what_their_properties_say(project_root: Path) -> None:
    """If not: `python dbt_clickhouse/describe_marts.py`, and look at what changed for readers."""
    path = project_root / "dbt_clickhouse" / "describe_marts.py"
    spec = importlib.util.spec_from_file_location("describe_marts", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text() == module.page()


def test_every_docs_block_is_used_and_every_used_one_is_there(project: Project) -> None:
    models = next(parent for parent in next(iter(project.sql.values())).parents if parent.name == "models")
    blocks = set(re.findall(r"{% docs (\w+) %}", "".join(path.read_text() for path in models.rglob("*.md"))))
    used = {
        name
        for path in [*models.rglob("*.yml"), *(models.parent / "seeds").rglob("*.yml")]
        for name in re.findall(r"doc\('(\w+)'\)", path.read_text())
    }
    assert blocks == used
