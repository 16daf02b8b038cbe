"""Versions under which the packages are built, and the interpreter that they are built for."""

from __future__ import annotations

import sys

FIRST, SECOND = "0.1.0", "0.1.1"
MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
