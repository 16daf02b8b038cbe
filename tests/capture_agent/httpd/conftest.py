"""Compiles the module once and gives each test a server of its own."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Tests are imported without their folder on the path; bench/apache.py imports the same file.
sys.path.insert(0, str(Path(__file__).parent))

from private_apache import EventReader, PrivateApache, build_module, reporting_apache

StartApache = Callable[..., tuple[PrivateApache, EventReader]]


@pytest.fixture(scope="session", autouse=True)
def apache_is_installed() -> None:
    """Skips, with a clear line, where Apache or its build tools are absent."""
    missing = [tool for tool in ("apache2", "apxs", "openssl", "cc") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)} on this machine: mod_reqin_log was not tested")


@pytest.fixture(scope="session")
def module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled module; Apache loads it before it gives up root."""
    return build_module(tmp_path_factory.mktemp("module"))


@pytest.fixture
def start_apache(module: Path) -> Iterator[StartApache]:
    """Starts servers that end with the test: `apache, reader = start_apache(directives="…")`."""
    with ExitStack() as stack:

        def start(**options: Any) -> tuple[PrivateApache, EventReader]:
            return stack.enter_context(reporting_apache(options.pop("module", module), **options))

        yield start


@pytest.fixture(scope="module")
def shared_apache(module: Path) -> Iterator[tuple[PrivateApache, EventReader]]:
    """One server for the tests of a file that only look at their own requests."""
    with reporting_apache(
        module, directives="ErrorDocument 404 /missing.html\nRequestReadTimeout header=1"
    ) as server:
        yield server
