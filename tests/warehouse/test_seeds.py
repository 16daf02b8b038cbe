"""The seeds beside the recordings they were made from."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest


def read(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines, delimiter=delimiter))


@pytest.fixture(scope="module")
def families(project_root: Path) -> list[dict[str, str]]:
    return read(project_root / "dbt_clickhouse/seeds/user_agent_families.csv")


@pytest.fixture(scope="module")
def known(project_root: Path) -> list[dict[str, str]]:
    return read(project_root / "dbt_clickhouse/seeds/known_fingerprints.csv")


def family_of(user_agent: str, families: list[dict[str, str]]) -> str:
    return next(rule["family"] for rule in families if re.search(rule["pattern"], user_agent))


def test_rules_stand_in_their_order_and_the_last_matches_everything(families: list[dict[str, str]]) -> None:
    numbers = [int(rule["rule"]) for rule in families]
    assert numbers == sorted(set(numbers))
    assert (families[-1]["family"], families[-1]["pattern"]) == ("other", "")


def test_every_pattern_can_be_reached(families: list[dict[str, str]]) -> None:
    assert [rule["family"] for rule in families[:-1] if rule["pattern"] == ""] == []
    assert len({rule["pattern"] for rule in families}) == len(families)


def test_family_has_one_engine_in_both_seeds(
    families: list[dict[str, str]], known: list[dict[str, str]]
) -> None:
    engines = {rule["family"]: (rule["engine"], rule["is_browser"]) for rule in families}
    wrong = [
        row for row in known if engines.get(row["family"], ("", "0")) != (row["engine"], row["is_browser"])
    ]
    assert wrong == []


def test_every_recorded_client_is_listed_with_its_fingerprint(
    shared_dir: Path, known: list[dict[str, str]]
) -> None:
    listed = {(row["ja4"], row["client"]) for row in known}
    recorded = {
        (ja4, row["client"])
        for row in read(shared_dir / "lab/clients.tsv", "\t")
        for ja4 in re.findall(r"[tqd]\d\d[di]\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}", row["ja4"])
    }
    assert listed == recorded


def test_every_recorded_user_agent_has_a_family(shared_dir: Path, families: list[dict[str, str]]) -> None:
    agents = {row["ua"] for row in read(shared_dir / "lab/clients.tsv", "\t") if row["ua"]}
    assert [agent for agent in agents if family_of(agent, families) == "other"] == []
