"""What an empty platform needs before there is anything to see: tables, traffic, scores."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import clickhouse_connect
from clickhouse_connect.driver.client import Client

from operator_cli.settings import DATABASE, ROOT, Settings
from operator_cli.supervisor import PlatformError

SAMPLE_HOURS = 24


def migrate(settings: Settings) -> None:
    """Bring the database's tables to the newest revision."""
    _run(settings, "the migration", [sys.executable, "-m", "ja4_assets.storage", "upgrade"])


def count_rows(settings: Settings, table: str) -> int:
    """Rows in one table of the platform's database."""
    with _database(settings) as client:
        count = client.command(
            "select count() from {database:Identifier}.{table:Identifier}",
            parameters={"database": DATABASE, "table": table},
        )
    return int(str(count))


def missing_models(settings: Settings) -> list[str]:
    """Models of this version's dbt project that the database lacks: an older version built it."""
    models = {path.stem for path in (ROOT / "dbt_clickhouse" / "models").rglob("*.sql")}
    with _database(settings) as client:
        present = client.query(
            "select name from system.tables where database = {database:String}",
            parameters={"database": DATABASE},
        ).result_rows
    return sorted(models - {str(name) for (name,) in present})


def replay_sample(settings: Settings) -> None:
    """Amplify the bundled recording into a day of traffic and send it through the agent."""
    folder = settings.state_dir / "sample"
    amplify = [sys.executable, "-m", "sample_traffic", "--out", str(folder), "--hours", str(SAMPLE_HOURS)]
    _run(settings, "the amplifier", amplify)
    replay = [sys.executable, "-m", "capture_agent.cli", "replay", str(folder / "sample.pcap")]
    replay += ["--http", str(folder / "sample_http.jsonl"), "--shift-to-now", "--sink", "clickhouse"]
    _run(settings, "the replay", [*replay, "--sensor", "sample"])


def maybe_first_login(settings: Settings) -> tuple[str, str] | None:
    """Name and one-time password of the dashboard's first admin; None once somebody has used it.

    Made before the dashboard starts, so that the password is printed here and not into its log.
    """
    command = [sys.executable, "-m", "soc_dashboard.access", "first-login"]
    finished = subprocess.run(
        command, cwd=ROOT, env=settings.environment(), check=False, capture_output=True, text=True
    )
    if finished.returncode != 0:
        raise PlatformError(f"the dashboard's accounts cannot be opened: {finished.stderr.strip()}")
    name, _, password = finished.stdout.strip().partition(" ")
    return (name, password) if password else None


def materialise(settings: Settings) -> None:
    """Run every Dagster asset once over the hours that hold traffic."""
    _run(settings, "the first run of the assets", [sys.executable, "-m", "ja4_assets.first_run"])


def _database(settings: Settings) -> Client:
    return clickhouse_connect.get_client(dsn=settings.database_url, autogenerate_session_id=False)


def _run(settings: Settings, what: str, command: Sequence[str]) -> None:
    finished = subprocess.run(command, cwd=ROOT, env=settings.environment(), check=False)
    if finished.returncode != 0:
        raise PlatformError(f"{what} failed with exit code {finished.returncode}: {' '.join(command)}")
