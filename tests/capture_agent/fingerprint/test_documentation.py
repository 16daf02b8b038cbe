from __future__ import annotations

from pathlib import Path

import pytest

from capture_agent.fingerprint.hello_facts import HelloFacts
from capture_agent.fingerprint.ja4 import VOLATILE_EXTENSIONS
from capture_agent.fingerprint.skeleton import BLANKED_EXTENSIONS


@pytest.fixture(scope="module")
def page(project_root: Path) -> str:
    return (project_root / "docs" / "reference" / "fingerprints.md").read_text()


def test_every_fingerprint_is_documented(page: str) -> None:
    for name in HelloFacts.__struct_fields__:
        if name.startswith(("ja3", "ja4")):
            assert f"`{name}`" in page


@pytest.mark.parametrize("kind", sorted(BLANKED_EXTENSIONS))
def test_every_blanked_extension_is_documented(page: str, kind: int) -> None:
    assert f"{kind:#06x}" in page


def test_what_the_stable_form_leaves_out_is_documented(page: str) -> None:
    line = next(line for line in page.splitlines() if line.startswith("| `ja4_stable`"))
    assert all(f"{kind:#06x}" in line for kind in VOLATILE_EXTENSIONS)
