"""The generator of traffic and the two readers of it, which the fuzzer uses as well."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def module_beside_the_fuzzer(root: Path, name: str) -> ModuleType:
    path = root / "tests" / "fuzz" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def conversations(project_root: Path) -> ModuleType:
    """Random traffic of TLS connections."""
    return module_beside_the_fuzzer(project_root, "conversations")


@pytest.fixture(scope="session")
def both_paths(project_root: Path) -> ModuleType:
    """The lines of `read` from the compiled path and from the reference."""
    pytest.importorskip(
        "capture_agent.compiled.walk", reason="the compiled modules are not built, so nothing was compared"
    )
    return module_beside_the_fuzzer(project_root, "both_paths")
