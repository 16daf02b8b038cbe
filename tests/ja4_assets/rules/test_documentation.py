"""docs/reference/rules.md says of every rule what the catalogue says, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

from ja4_assets.rules.catalogue import RULES

SECTION = re.compile(
    r"### (?P<id>R\d{3}): (?P<title>.+)\n(?P<reason>.+)\n\n"
    r"Verdict `(?P<verdict>\w+)`, weight (?P<weight>[\d.]+)\. Evidence: (?P<evidence>.+)\.\n"
)


def test_every_rule_is_documented_as_it_is(project_root: Path) -> None:
    text = (project_root / "docs/reference/rules.md").read_text()
    documented = [match.groupdict() for match in SECTION.finditer(text)]
    assert len(documented) == text.count("\n### ")
    assert documented == [
        {
            "id": rule.id,
            "title": rule.title,
            "reason": rule.reason,
            "verdict": rule.verdict.value,
            "weight": str(rule.weight),
            "evidence": ", ".join(f"`{column}`" for column in rule.evidence),
        }
        for rule in RULES
    ]
