"""The private Apache of the module's tests, for the canary's."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "httpd"))


@pytest.fixture(scope="session")
def apache_is_installed() -> None:
    """Skips, with a clear line, where Apache or its build tools are absent."""
    missing = [tool for tool in ("apache2", "apxs", "openssl", "cc") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} on this machine: the canary visited no web server")
