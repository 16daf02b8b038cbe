"""Settings of the agent: a TOML file, then environment variables `JA4_*`, then the command line.

An unknown key in the file is an error. Other parts of the platform share the prefix, so unknown variables are
not. Secrets belong into the environment: `JA4_CLICKHOUSE_URL` holds the database's password.
"""

from __future__ import annotations

import socket
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from capture_agent.rows.stored import DEFAULT_TLS_PORTS, STORED_HEADERS

Port = Annotated[int, Field(ge=0, le=65_535)]


class HttpSource(BaseModel):
    """Where a web server hands over what it served: a table `[[http]]` of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    socket: Path | None = None
    """UNIX socket on which the agent listens, for mod_reqin_log and whatever sends lines as it does."""
    syslog: Path | None = None
    """UNIX socket for syslog datagrams, as nginx and HAProxy send them."""
    file: Path | None = None
    """Log file that is followed across rotation."""
    format: str = "native"
    """Format of the lines: `native`, the name of a ready mapping, or a mapping file."""
    group: str | None = None
    """Group that may write to the socket; None: the agent's own."""
    mode: int = Field(default=0o660, ge=0, le=0o777)
    """Rights on the socket's file; in TOML `0o660`."""
    from_start: bool = False
    """Read what is in the file at the very first start as well."""

    @model_validator(mode="after")
    def _names_one_place(self) -> HttpSource:
        if sum(place is not None for place in (self.socket, self.syslog, self.file)) != 1:
            raise ValueError("name exactly one of socket, syslog and file")
        return self

    @property
    def path(self) -> Path:
        """The one place that is named."""
        return self.socket or self.syslog or self.file or Path()


class ConfigError(Exception):
    """A setting that cannot be used; the text names it, its source and the reason."""


class AgentConfig(BaseSettings):
    """Everything an operator can choose; each field is a key of the file and, upper case, a variable."""

    model_config = SettingsConfigDict(env_prefix="JA4_", extra="forbid", frozen=True)

    sensor: str = Field(default_factory=socket.gethostname, min_length=1, max_length=128)
    """Name of this sensor in every row."""
    clickhouse_url: SecretStr | None = None
    """`http[s]://USER:PASSWORD@HOST:PORT/DATABASE`."""
    tls_ports: Annotated[frozenset[Port], NoDecode] = DEFAULT_TLS_PORTS
    """Server ports that speak TLS, for HTTP events that do not name their scheme."""
    kept_headers: Annotated[frozenset[str], NoDecode] = STORED_HEADERS
    """Headers whose values are stored; the names of all headers always are."""
    store_query: bool = False
    """Store query strings of targets and of Referer."""
    proxy_protocol: bool = False
    """The server reads PROXY headers and reports the client they name; requests are joined under it."""
    join_wait_ms: int = Field(default=500, ge=0, le=60_000)
    """How long a request waits for the hello of its connection."""
    clock_tolerance_us: int = Field(default=100, ge=0, le=10_000_000)
    """Largest error between the clocks of packets and HTTP events."""
    clock_offset_us: int = 0
    """Clock of the HTTP events minus clock of the packets."""
    max_connections: int = Field(default=131_072, ge=1)
    """Connections followed at once; the correlator remembers twice as many."""
    max_waiting: int = Field(default=65_536, ge=1)
    """Requests that may wait for their hello at once."""
    idle_s: int = Field(default=900, ge=1)
    """How long a connection lost from sight is kept; must exceed the server's keep-alive time."""
    batch_rows: int = Field(default=50_000, ge=1)
    """Rows of one insert at most."""
    batch_bytes: int = Field(default=32 << 20, ge=1_024)
    """Bytes of one insert at most."""
    insert_deadline_s: float = Field(default=60.0, ge=0)
    """How long `replay` tries an insert again after its first failure."""
    interfaces: Annotated[tuple[str, ...], NoDecode] = ()
    """Interfaces that `run` captures."""
    http: tuple[HttpSource, ...] = ()
    """Where `run` hears of requests."""
    state_dir: Path = Path("/var/lib/ja4-agent")
    """Folder in which `run` keeps how far it has read the files it follows."""
    capture_ports: Annotated[frozenset[Port] | None, NoDecode] = None
    """Server ports to capture; None: those of `tls_ports`. An empty list captures everything."""
    promiscuous: bool = False
    """Also capture frames for other hosts, on a port that a switch mirrors traffic to."""
    ring_mib: int = Field(default=32, ge=2, le=2_048)
    """Memory of each interface's ring."""
    sinks: Annotated[tuple[str, ...], NoDecode] = ("clickhouse",)
    """Where `run` delivers rows: `clickhouse`, `jsonl:PATH`, `stdout`."""
    queue_rows: int = Field(default=100_000, ge=1)
    """Rows that may wait for a sink, about 2 kB each; more are discarded and counted."""
    batch_age_s: float = Field(default=2.0, gt=0, le=3_600)
    """How long `run` collects rows for one batch at most."""
    stop_s: float = Field(default=10.0, ge=0, le=600)
    """How long `run` tries to deliver what it holds when it is stopped."""
    metrics_address: str = "127.0.0.1"
    """Where metrics and health are served."""
    metrics_port: Port = 9469
    """0 serves no metrics."""

    @field_validator("tls_ports", "kept_headers", "interfaces", "capture_ports", "sinks", mode="before")
    @classmethod
    def _split_commas(cls, value: object) -> object:
        """Accept `443,8443` from environment and command line."""
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",")] if value.strip() else []

    @field_validator("kept_headers")
    @classmethod
    def _have_columns(cls, value: frozenset[str]) -> frozenset[str]:
        names = frozenset(name.lower() for name in value)
        if unknown := sorted(names - STORED_HEADERS):
            raise ValueError(
                f"{', '.join(unknown)}: no column; choose from {', '.join(sorted(STORED_HEADERS))}"
            )
        return names


def load_config(path: Path | None, overrides: dict[str, Any]) -> AgentConfig:
    """Settings from the file, if any, the environment and the command line; raises ConfigError."""
    from_file: dict[str, Any] = {}
    if path is not None:
        try:
            from_file = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
    source = "settings" if path is None else str(path)
    try:
        return _with_file(from_file)(**overrides)
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(source, problem) for problem in error.errors())) from error


def _with_file(from_file: dict[str, Any]) -> type[AgentConfig]:
    """The settings with a source below the environment: values that were read from a file."""

    class ConfigWithFile(AgentConfig):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the framework's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the framework's signature
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, from_file)

    return ConfigWithFile


def _sentence(source: str, problem: Any) -> str:
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"{source}: unknown key {name}"
    return f"{source}: {name} (or JA4_{name.upper()}): {problem['msg']}"
