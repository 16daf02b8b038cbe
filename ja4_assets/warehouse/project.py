"""The dbt project: its manifest, and the environment in which dbt runs."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster_dbt import DbtProject

from ja4_assets.settings import PROJECT_ROOT
from ja4_assets.storage.engines import CLUSTER_VARIABLE, Topology
from ja4_assets.storage.migrate import DatabaseUrl

PROJECT_DIR = PROJECT_ROOT / "dbt_clickhouse"
PARSED_FOR = ".parsed_for"
SOURCE_FOLDERS = ("models", "macros", "seeds", "tests")
PARSE_TIMEOUT_S = 180


class DbtParseError(RuntimeError):
    """dbt could not make a manifest; the text holds the end of what it said."""


def dbt_environment(clickhouse_url: str) -> dict[str, str]:
    """The variables that `profiles.yml` reads, from the platform's one URL; ValueError if that is bad."""
    url = DatabaseUrl.parse(clickhouse_url)
    return {
        "JA4_CLICKHOUSE_HOST": url.host,
        "JA4_CLICKHOUSE_PORT": str(url.port),
        "JA4_CLICKHOUSE_USER": url.user,
        "JA4_CLICKHOUSE_PASSWORD": url.password,
        "JA4_CLICKHOUSE_SECURE": "true" if url.secure else "false",
        "JA4_CLICKHOUSE_DATABASE": url.database,
        CLUSTER_VARIABLE: Topology.from_environment().cluster,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }


def dbt_executable() -> str:
    """dbt of the interpreter that runs this, also when its folder is not on the PATH."""
    beside = Path(sys.executable).parent / "dbt"
    return str(beside) if beside.exists() else "dbt"


def prepared_project(clickhouse_url: str, folder: Path = PROJECT_DIR) -> DbtProject:
    """The project with a manifest that is there and not older than its sources.

    Dagster reads assets from the manifest when the code location loads, and makes one itself only under
    `dagster dev`. Parsing needs no database. Raises DbtParseError.
    """
    project = DbtProject(project_dir=folder, profiles_dir=folder)
    parsed_for = folder / "target" / PARSED_FOR
    with _one_at_a_time(folder / "target"):
        profile = profile_digest(clickhouse_url)
        is_same_profile = parsed_for.exists() and parsed_for.read_text() == profile
        if not is_same_profile or is_stale(project.manifest_path, folder):
            _parse(folder, clickhouse_url)
            parsed_for.write_text(profile)
    return project


def profile_digest(clickhouse_url: str) -> str:
    """16 hex digits that change when dbt's connection does.

    dbt throws its saved parse away for another connection, and then parses everything in each of the
    platform's runs (12 s instead of 4 s), since those only copy the saved parse and never renew it.
    """
    variables = sorted(dbt_environment(clickhouse_url).items())
    return hashlib.sha256(repr(variables).encode()).hexdigest()[:16]


def is_stale(manifest: Path, folder: Path) -> bool:
    """The manifest is missing, or a file of the project was changed after it was made."""
    if not manifest.exists():
        return True
    made = manifest.stat().st_mtime
    files = [folder / "dbt_project.yml", folder / "profiles.yml"]
    for name in SOURCE_FOLDERS:
        files += [path for path in (folder / name).rglob("*") if path.is_file()]
    return any(path.stat().st_mtime > made for path in files if path.exists())


def _parse(folder: Path, clickhouse_url: str) -> None:
    finished = subprocess.run(
        [
            dbt_executable(),
            "--no-use-colors",
            "parse",
            "--project-dir",
            str(folder),
            "--profiles-dir",
            str(folder),
        ],
        env={**os.environ, **dbt_environment(clickhouse_url)},
        capture_output=True,
        text=True,
        timeout=PARSE_TIMEOUT_S,
        check=False,
    )
    if finished.returncode != 0:
        raise DbtParseError(f"dbt parse failed in {folder}:\n{(finished.stdout + finished.stderr)[-4000:]}")


@contextmanager
def _one_at_a_time(target: Path) -> Iterator[None]:
    """The UI's code server and a run may load this at the same moment; the second waits for the first."""
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
