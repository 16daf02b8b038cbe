"""Settings of the dashboard process, from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import AliasChoices, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from soc_dashboard.access.oidc_settings import OidcSettings
from soc_dashboard.access.origins import LOOPBACK, Origins, own_origins
from soc_dashboard.access.registry import DEFAULT_ABSOLUTE_S, DEFAULT_IDLE_S


class Settings(BaseSettings):
    """Where to listen, which database to read, how people sign in.

    Every field is `JA4_DASHBOARD_<NAME>` or the alias it names.
    """

    model_config = SettingsConfigDict(env_prefix="JA4_DASHBOARD_", extra="ignore")

    host: str = "127.0.0.1"
    """Address to listen on (`JA4_DASHBOARD_HOST`)."""
    port: int = Field(default=8000, ge=1, le=65535)
    """TCP port to listen on (`JA4_DASHBOARD_PORT`)."""
    public_url: str = ""
    """How browsers reach it through a proxy, such as `https://ja4.example` (`JA4_DASHBOARD_PUBLIC_URL`).
    With https, cookies travel over TLS only."""
    plain_http: bool = False
    """Listen beyond the loopback without TLS before it (`JA4_DASHBOARD_PLAIN_HTTP`): passwords then cross the
    network in the clear."""
    websocket_origins: list[str] = Field(default_factory=list)
    """Further `host:port` values under which browsers reach this process (`JA4_DASHBOARD_WEBSOCKET_ORIGINS`,
    a JSON list); forms and live connections are refused from any other origin."""
    home: Path = Field(default=Path("var"), validation_alias="JA4_HOME")
    """Folder of run-time state; the accounts are in its folder `dashboard` (`JA4_HOME`)."""
    session_idle_s: int = Field(default=DEFAULT_IDLE_S, ge=60, le=7 * 86_400)
    """Seconds without a click after which a session ends (`JA4_DASHBOARD_SESSION_IDLE_S`)."""
    session_absolute_s: int = Field(default=DEFAULT_ABSOLUTE_S, ge=60, le=30 * 86_400)
    """Seconds after sign-in at which a session ends (`JA4_DASHBOARD_SESSION_ABSOLUTE_S`)."""
    mlflow_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Where browsers reach MLflow, such as `http://127.0.0.1:5000` (`JA4_DASHBOARD_MLFLOW_URL`); empty for no
    links to runs."""
    oidc: OidcSettings = Field(default_factory=OidcSettings)
    """Signing in with an OpenID provider (`JA4_DASHBOARD_OIDC_*`)."""
    clickhouse_url: SecretStr = Field(
        default=SecretStr("http://ja4@127.0.0.1:8123/ja4_processing"),
        validation_alias=AliasChoices("JA4_DASHBOARD_CLICKHOUSE_URL", "JA4_CLICKHOUSE_URL"),
    )
    """DSN of the database with the marts, best of a user with `packaging/platform/dashboard-grants.sql`
    (`JA4_DASHBOARD_CLICKHOUSE_URL`, or `JA4_CLICKHOUSE_URL`)."""

    @model_validator(mode="after")
    def _passwords_are_not_for_everybody(self) -> Self:
        if self.host not in LOOPBACK and not self.plain_http and not self.origins.is_https:
            raise ValueError(
                f"listening on {self.host} would send passwords in the clear: put a proxy with TLS before "
                "the dashboard and name its address in JA4_DASHBOARD_PUBLIC_URL (https://…), or say "
                "JA4_DASHBOARD_PLAIN_HTTP=true if nobody else can listen on that network"
            )
        return self

    @property
    def origins(self) -> Origins:
        """Under which addresses browsers reach it. Raises ValueError for a public URL that is none."""
        return own_origins(self.host, self.port, self.public_url, self.websocket_origins)

    @property
    def address(self) -> str:
        """What a person types into a browser."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"
