"""The optional fast path: Cython modules that give what the pure modules give, sooner.

Absent where the package was installed without a C compiler; set JA4_PURE_PYTHON=1 to leave it unused.
"""

from __future__ import annotations

import os

PURE_PYTHON_SETTING = "JA4_PURE_PYTHON"


def is_active() -> bool:
    """The compiled modules are there and wanted."""
    if os.environ.get(PURE_PYTHON_SETTING, "") not in ("", "0"):
        return False
    try:
        import capture_agent.compiled.walk  # noqa: F401
    except ImportError:
        return False
    return True


def path_name() -> str:
    """Which path runs: "compiled" or "pure"."""
    return "compiled" if is_active() else "pure"
