"""The optional fast path: Cython modules that give what the pure modules give, sooner.

Absent where the package was installed without a C compiler; set JA4_PURE_PYTHON=1 to leave it unused.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture_agent.compiled.http_row_json import HttpRowWriter

PURE_PYTHON_SETTING = "JA4_PURE_PYTHON"


def is_active() -> bool:
    """The compiled modules of the packet path are there and wanted."""
    return _is_usable("walk")


def path_name() -> str:
    """Which packet path runs: "compiled" or "pure"."""
    return "compiled" if is_active() else "pure"


def request_path_name() -> str:
    """Which path makes rows of requests: "compiled" or "pure"."""
    return "compiled" if _is_usable("http_row_json") else "pure"


def maybe_http_row_writer(sensor: str, site: str = "") -> HttpRowWriter | None:
    """What makes rows of requests in place of `rows.http_request`; None on the pure path."""
    if not _is_usable("http_row_json"):
        return None
    from capture_agent.compiled.http_row_json import HttpRowWriter

    return HttpRowWriter(sensor, site)


def _is_usable(module: str) -> bool:
    if os.environ.get(PURE_PYTHON_SETTING, "") not in ("", "0"):
        return False
    try:
        import_module(f"capture_agent.compiled.{module}")
    except ImportError:
        return False
    return True
