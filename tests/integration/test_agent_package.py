"""The agent as it is installed on a web server: few dependencies, and no compiler needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLATFORM_ONLY = ("dagster", "dbt-core", "pandas", "mlflow", "panel", "polars", "numpy", "chdb")
UV = Path(sys.executable).with_name("uv")


def test_the_agent_s_extra_pulls_nothing_of_the_platform() -> None:
    resolved = subprocess.run(
        [UV, "pip", "compile", "--quiet", "--no-annotate", "--extra", "agent", "pyproject.toml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    names = {line.split("==")[0] for line in resolved.splitlines() if "==" in line}
    assert "clickhouse-connect" in names
    assert names.isdisjoint(PLATFORM_ONLY)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the distribution is built from, without anything compiled."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, folder)
    for package in ("capture_agent", "sample_traffic"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("*.so", "__pycache__")
        )
    return folder


@pytest.mark.parametrize(
    ("compiler", "packet_path"), [("/bin/false", "pure"), ("/nonexistent/cc", "pure"), ("cc", "compiled")]
)
def test_the_package_installs_and_reads_with_and_without_a_compiler(
    source: Path, tmp_path: Path, compiler: str, packet_path: str
) -> None:
    shutil.rmtree(source / "build", ignore_errors=True)
    subprocess.run(
        [UV, "build", "--quiet", "--wheel", "--no-build-isolation", "--out-dir", tmp_path, source],
        env={**os.environ, "CC": compiler, "VIRTUAL_ENV": sys.prefix},
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site)}
    environment.pop("JA4_PURE_PYTHON", None)
    capture = ROOT / "sample_traffic" / "recording" / "pcaps" / "curl-h2.pcap"

    def agent(*arguments: str) -> str:
        program = f"import sys; sys.path.insert(0, {str(site)!r}); from capture_agent.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    program = "import capture_agent.compiled as c; print(c.__file__); print(c.path_name())"
    loaded, path = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert loaded.startswith(str(site))
    assert path == packet_path
    assert agent("read", str(capture)).count('"ja4":"t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"') == 2
