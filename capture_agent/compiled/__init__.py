"""The optional fast path: Cython modules that give what the pure modules give, sooner.

Absent where the package was installed without a C compiler; set JA4_PURE_PYTHON=1 to leave it unused.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING

from capture_agent.intake import request_headers as reference
from capture_agent.rows.client_names import AS_SEEN, ClientNames

if TYPE_CHECKING:
    from capture_agent.compiled.http_row_json import HttpRowWriter
    from capture_agent.intake.request_headers import SplitsHeaders

PURE_PYTHON_SETTING = "JA4_PURE_PYTHON"


def is_active() -> bool:
    """The compiled modules of the packet path are there and wanted."""
    return _is_usable("walk")


def path_name() -> str:
    """Which packet path runs: "compiled" or "pure"."""
    return "compiled" if is_active() else "pure"


def request_path_name() -> str:
    """Which path takes requests apart and makes their rows: "compiled" or "pure"."""
    return "compiled" if _is_usable("http_row_json") and _is_usable("request_headers") else "pure"


def maybe_http_row_writer(
    sensor: str, site: str = "", clients: ClientNames = AS_SEEN
) -> HttpRowWriter | None:
    """What makes rows of requests in place of `rows.http_request`; None on the pure path."""
    if request_path_name() == "pure":
        return None
    from capture_agent.compiled.http_row_json import HttpRowWriter

    return HttpRowWriter(sensor, site, clients)


def header_splitter() -> SplitsHeaders:
    """What takes header fields apart: the reference on the pure path."""
    if request_path_name() == "pure":
        return reference.split_headers
    from capture_agent.compiled.request_headers import split_headers

    return split_headers


def _is_usable(module: str) -> bool:
    if os.environ.get(PURE_PYTHON_SETTING, "") not in ("", "0"):
        return False
    try:
        import_module(f"capture_agent.compiled.{module}")
    except ImportError:
        return False
    return True
