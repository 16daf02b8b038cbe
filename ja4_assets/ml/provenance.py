"""Names the code that made a model, whether or not the checkout has a version history."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

DISTRIBUTION = "ja4-platform"
PACKAGE = Path(__file__).resolve().parent.parent
MODEL_SOURCES = ("features", "ml")


def code_version() -> str:
    """The distribution's version and 12 hex digits over the sources that shape a model, e.g. 0.1.0+3fa….

    Two checkouts with equal sources have equal versions, an edited one differs even if uncommitted.
    """
    digest = hashlib.sha256()
    for folder in MODEL_SOURCES:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return f"{version(DISTRIBUTION)}+{digest.hexdigest()[:12]}"
