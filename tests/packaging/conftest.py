"""Packages of two versions, and a clean Debian to install them in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clean_debian import CleanDebian
from versions import FIRST, MINOR, SECOND

BUILD_TOOLS = ("dh", "dpkg-buildpackage", "apxs", "cc", "rpmbuild")
IN_THE_ROOT = f"adduser,apache2,ca-certificates,openssl,python{MINOR}"


@pytest.fixture(scope="session")
def packages(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with all packages in the versions FIRST and SECOND."""
    missing = [tool for tool in BUILD_TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"NOT RUN, packages are untested here: no {', '.join(missing)} on this machine")
    folder = tmp_path_factory.mktemp("packages")
    environment = os.environ | {
        "PYTHON": sys.executable,
        "UV": str(Path(sys.executable).with_name("uv")),
        "STAGE": str(folder / "stage"),
        "LEVEL": "1",
    }
    for version, kinds in ((FIRST, "deb rpm"), (SECOND, "deb")):
        built = subprocess.run(
            [project_root / "packaging" / "build-packages", folder, version],
            env=environment | {"KINDS": kinds},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.fixture(scope="session")
def clean_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CleanDebian]:
    """A Debian of this machine's release with nothing of ours in it; made once, and kept in the cache."""
    if os.geteuid() != 0 or shutil.which("debootstrap") is None:
        pytest.skip("NOT RUN, the .deb was installed nowhere: that needs root and debootstrap")
    release = dict(
        line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line
    )
    suite = release.get("VERSION_CODENAME", "").strip('"')
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ja4-platform"
    cache.mkdir(parents=True, exist_ok=True)
    wanted = hashlib.sha256(f"{suite} {os.uname().machine} {IN_THE_ROOT}".encode()).hexdigest()[:12]
    kept = cache / f"debian-{suite}-{wanted}.tar.gz"
    root = tmp_path_factory.mktemp("root") / "debian"
    if kept.is_file():
        root.mkdir()
        subprocess.run(["tar", "-xzpf", kept, "-C", root], check=True)
    else:
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={IN_THE_ROOT}", suite, root],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stdout[-3000:] + made.stderr[-3000:]
        shutil.rmtree(root / "var/cache/apt", ignore_errors=True)
        half = kept.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["tar", "-I", "gzip -1", "-cpf", half, "--one-file-system", "-C", root, "."], check=True
        )
        half.replace(kept)
    with CleanDebian(root) as debian:
        yield debian
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def recording_dir(project_root: Path) -> Path:
    """The bundled recording."""
    return project_root / "sample_traffic" / "recording"
