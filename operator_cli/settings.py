"""Where the platform keeps its state on this machine, and which ports and database it uses."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
Port = Annotated[int, Field(ge=1, le=65_535)]
DATABASE = "ja4_processing"
DATABASE_USER = "ja4"
DASHBOARD_USER = "ja4_dashboard"
"""Named in packaging/platform/dashboard-grants.sql."""


@dataclass(frozen=True, slots=True)
class Service:
    """One process of the Procfile that listens on a port."""

    name: str
    port: int
    setting: str
    ready_path: str

    @property
    def address(self) -> str:
        """What a person types into a browser."""
        return f"http://127.0.0.1:{self.port}"


class UnusableSettings(Exception):  # noqa: N818 - named for what is refused
    """A variable of the environment has no usable value; the text names each."""


class Settings(BaseSettings):
    """Settings of `ja4`, from the environment (`JA4_*`)."""

    model_config = SettingsConfigDict(env_prefix="JA4_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(default=Path("var"), description="Folder of all run-time state.")
    clickhouse_url: str | None = Field(
        default=None, description="A ClickHouse server to use in place of the embedded database."
    )
    clickhouse_port: Port = Field(default=8123, description="Port of the embedded database.")
    dagster_port: Port = Field(default=3000, description="Port of the Dagster UI.")
    mlflow_port: Port = Field(default=5000, description="Port of the MLflow UI.")
    dashboard_port: Port = Field(default=8000, description="Port of the dashboard and the API.")
    live: str | None = Field(
        default=None,
        description="Interface to capture on this machine, in place of the sample; needs CAP_NET_RAW.",
    )
    metrics_port: Port = Field(
        default=9469, description="Port of the agent's metrics, when it captures live."
    )
    sample: bool | None = Field(
        default=None,
        description="Fill an empty database with the bundled sample; by default only the embedded one.",
    )

    @classmethod
    def read(cls) -> Settings:
        """From the environment. Raises UnusableSettings."""
        try:
            return cls()
        except ValidationError as error:
            faults = [
                f"JA4_{str(fault['loc'][0]).upper()}={fault['input']}: {fault['msg']}"
                for fault in error.errors()
            ]
            raise UnusableSettings("; ".join(faults)) from error

    @cached_property
    def state_dir(self) -> Path:
        """`home` as an absolute path."""
        return self.home.resolve()

    @property
    def agent_settings(self) -> Path:
        """Settings of the agent, when it captures live."""
        return self.state_dir / "run" / "agent.toml"

    @property
    def requests_socket(self) -> Path:
        """Where that agent hears of requests from the web server."""
        return self.state_dir / "run" / "http" / "http.sock"

    @property
    def uses_embedded_database(self) -> bool:
        """No server was named, so the embedded engine holds the data."""
        return self.clickhouse_url is None

    @property
    def wants_sample(self) -> bool:
        """An empty database is to be filled with the bundled sample."""
        return self.uses_embedded_database and not self.live if self.sample is None else self.sample

    @property
    def services(self) -> tuple[Service, ...]:
        """The processes to start, the database first."""
        database = Service("clickhouse", self.clickhouse_port, "JA4_CLICKHOUSE_PORT", "/ping")
        agent = (Service("agent", self.metrics_port, "JA4_METRICS_PORT", "/readyz"),) if self.live else ()
        others = (
            Service("mlflow", self.mlflow_port, "JA4_MLFLOW_PORT", "/health"),
            Service("dagster", self.dagster_port, "JA4_DAGSTER_PORT", "/server_info"),
            Service("dashboard", self.dashboard_port, "JA4_DASHBOARD_PORT", "/readyz"),
        )
        return (database, *others, *agent) if self.uses_embedded_database else (*others, *agent)

    @cached_property
    def database_password(self) -> str:
        """Password of the embedded database."""
        return self._secret("clickhouse_password")

    @cached_property
    def dashboard_password(self) -> str:
        """Password of the dashboard's user of the embedded database."""
        return self._secret("dashboard_password")

    def _secret(self, name: str) -> str:
        """A password, made at the first start and kept in a file only we can read."""
        path = self.state_dir / "secrets" / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        return path.read_text().strip()

    @property
    def database_url(self) -> str:
        """The one URL by which every process reaches ClickHouse."""
        if self.clickhouse_url is not None:
            return self.clickhouse_url
        return self._embedded_url(DATABASE_USER, self.database_password)

    def _embedded_url(self, user: str, password: str) -> str:
        return f"http://{user}:{password}@127.0.0.1:{self.clickhouse_port}/{DATABASE}"

    def environment(self) -> dict[str, str]:
        """Environment of every process that `ja4` starts."""
        binaries = ROOT / ".venv" / "bin"
        env = {
            **os.environ,
            "JA4_HOME": str(self.state_dir),
            "JA4_CLICKHOUSE_URL": self.database_url,
            "JA4_CLICKHOUSE_PORT": str(self.clickhouse_port),
            "JA4_DAGSTER_PORT": str(self.dagster_port),
            "JA4_MLFLOW_PORT": str(self.mlflow_port),
            "JA4_DASHBOARD_PORT": str(self.dashboard_port),
            "JA4_DASHBOARD_MLFLOW_URL": f"http://127.0.0.1:{self.mlflow_port}",
            "JA4_METRICS_PORT": str(self.metrics_port),
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
            "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{self.mlflow_port}",
            "DAGSTER_HOME": str(self.state_dir / "dagster"),
            # Nothing the platform runs may call out on its own.
            "DO_NOT_TRACK": "1",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            # Workers for evaluations by language models, which nothing here asks for.
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PYTHONUNBUFFERED": "1",
        }
        if self.uses_embedded_database:
            env |= {
                "JA4_CLICKHOUSE_USER": DATABASE_USER,
                "JA4_CLICKHOUSE_PASSWORD": self.database_password,
                "JA4_DASHBOARD_CLICKHOUSE_URL": self._embedded_url(DASHBOARD_USER, self.dashboard_password),
            }
        if self.live:
            # Without live capture there is no such file, and a replay that is told of one refuses to start.
            env["JA4_AGENT_CONFIG"] = str(self.agent_settings)
        if binaries.is_dir():
            env["PATH"] = f"{binaries}{os.pathsep}{env.get('PATH', os.defpath)}"
        return env

    def prepare_folders(self) -> None:
        """Make the folders that the processes expect, and give Dagster its instance file."""
        for name in ("clickhouse", "mlflow", "dagster", "log", "run", "run/http", "sample"):
            (self.state_dir / name).mkdir(mode=0o750, parents=True, exist_ok=True)
        instance_file = self.state_dir / "dagster" / "dagster.yaml"
        if not instance_file.is_symlink():
            instance_file.symlink_to(ROOT / "dagster.yaml")
