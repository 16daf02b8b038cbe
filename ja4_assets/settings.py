"""Where this code location finds the database, the model registry and its own folders."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


class AssetSettings(BaseSettings):
    """Settings of the Dagster code location, from the environment."""

    model_config = SettingsConfigDict(extra="ignore", populate_by_name=True)

    clickhouse_url: str = Field(
        default="http://ja4@127.0.0.1:8123/ja4_processing",
        validation_alias="JA4_CLICKHOUSE_URL",
        description="URL of the database, with its name as the path.",
    )
    mlflow_tracking_uri: str = Field(
        default="http://127.0.0.1:5000",
        validation_alias="MLFLOW_TRACKING_URI",
        description="Tracking server or store of MLflow.",
    )
    reverse_dns: bool = Field(
        default=False,
        validation_alias="JA4_REVERSE_DNS",
        description="Ask this machine's name servers whether a client is the bot that it names.",
    )
    client_pseudonyms: bool = Field(
        default=False,
        validation_alias="JA4_CLIENT_PSEUDONYMS",
        description="Agents store pseudonyms of clients: no bot is verified, or accused, by its address.",
    )
    web_bot_keys: Path | None = Field(
        default=None,
        validation_alias="JA4_WEB_BOT_KEYS",
        description="File with the keys of bots that sign their requests; none, and no signature is checked.",
    )
    home: Path = Field(
        default=PROJECT_ROOT / "var",
        validation_alias="JA4_HOME",
        description="Folder of all run-time state.",
    )
    labelled_clients: Path | None = Field(
        default=None,
        validation_alias="JA4_LABELLED_CLIENTS",
        description="Tab-separated truth about clients; unset: that of the sample, if it was loaded.",
    )
    retention_days: int = Field(
        default=15,
        ge=1,
        validation_alias="JA4_RAW_RETENTION_DAYS",
        description="Days of raw rows, and so of hourly partitions, that exist.",
    )

    @property
    def labelled_clients_file(self) -> Path:
        """Where the truth about clients is read from; the file need not exist."""
        return self.labelled_clients or self.home / "sample" / "sample_labels.tsv"
