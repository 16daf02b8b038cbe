"""A database with raw rows, and dbt run over it twice: a full build, then two hours again after late data."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from capture_agent.ports import Row
from capture_agent.sink.encode import encode_row, table_of
from ja4_assets.storage import migrate


def _load(name: str) -> ModuleType:
    """A module beside this one; tests are no packages, so it cannot be imported by name."""
    spec = importlib.util.spec_from_file_location(f"warehouse_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses looks its own module up
    spec.loader.exec_module(module)
    return module


rows = _load("rows")
engine_of_a_cluster = _load("engine_of_a_cluster")
dbt_statements = _load("dbt_statements")

CHROME = "t13d1517h2_8daaf6152771_cb7bf5808d99"
CHROME_STABLE = "t13d1516h2_8daaf6152771_22db41f7518f"
REQUESTS = "t13d1812h1_85036bcba153_b26ce05bbdd6"
REQUESTS_STABLE = "t13d1811h1_85036bcba153_375ca2c5e164"
CHROME_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
HOURLY_MARTS = ("fct_entity_hour", "fct_ja4_hour", "fct_request_minute", "int_requests")
ENTITY_GROUPS = ("requests", "population", "contradictions", "headers", "timing", "rhythm", "paths", "peers")
HOURLY_MODELS = (
    *HOURLY_MARTS,
    "int_ja4_client_hour",
    *(f"int_entity_hour_{group}" for group in ENTITY_GROUPS),
)
BUILT_AGAIN = (*HOURLY_MODELS, "fct_session", "dim_ja4")


@dataclass(frozen=True)
class Warehouse:
    """What the tests look at: the database after the second run, and snapshots of the first."""

    client: Client
    hours: tuple[datetime, datetime, datetime]
    """Three past hours. Late rows came to the first two; the second run covered the last two."""
    first: dict[str, list[str]]
    second: dict[str, list[str]]
    build_log: str
    database_url: str
    folder: Path
    """Where dbt kept its parsed project."""


def store(client: Client, *stored: Row) -> None:
    """Insert rows as the agent's sink does."""
    for table in {table_of(row) for row in stored}:
        client.raw_insert(
            table,
            insert_block=b"".join(encode_row(row) for row in stored if table_of(row) == table),
            fmt="JSONEachRow",
            settings={"date_time_input_format": "best_effort"},
        )


def chrome_visit(hour: datetime, host: str = "shop.test") -> list[Row]:
    """A person: six requests of Chrome 156 on two connections, headers as recorded in the lab."""
    facts = {
        "ja4": CHROME,
        "ja4_stable": CHROME_STABLE,
        "tls_version": 0x0304,
        "sni": "shop.test",
        "has_grease": True,
        "has_ech": True,
        "has_psk": False,
        "has_pq_group": True,
        "tcp_ttl": 118,
        "tcp_mss": 1460,
    }
    headers = {
        "user_agent": CHROME_AGENT,
        "accept_language": "en-US,en;q=0.9",
        "accept_encoding": "gzip, deflate, br, zstd",
        "sec_fetch_site": "none",
        "sec_fetch_mode": "navigate",
        "sec_fetch_dest": "document",
        "sec_fetch_user": "?1",
        "sec_ch_ua": '"Not:A-Brand";v="8", "Chromium";v="156", "Google Chrome";v="156"',
        "sec_ch_ua_mobile": "?0",
        "sec_ch_ua_platform": '"Windows"',
    }
    visit: list[Row] = [rows.hello(hour, conn_id, **facts) for conn_id in (1, 2)]
    visit += [
        rows.request(
            hour + timedelta(seconds=number),
            1 + number % 2,
            number,
            host=host,
            path=f"/{number}",
            status=404 if number == 5 else 200,
            response_bytes=100,
            **facts,
            **headers,
        )
        for number in range(6)
    ]
    return visit


def spoofed_visit(hour: datetime, count: int, first: int = 0) -> list[Row]:
    """A script of python-requests that says it is Chrome, from one address, one connection a request."""
    facts = {
        "ja4": REQUESTS,
        "ja4_stable": REQUESTS_STABLE,
        "tls_version": 0x0304,
        "sni": "shop.test",
        "has_grease": False,
        "has_ech": False,
        "has_psk": False,
        "has_pq_group": False,
        "tcp_ttl": 61,
        "tcp_mss": 1380,
    }
    visit: list[Row] = []
    for number in range(first, first + count):
        moment = hour + timedelta(minutes=20, seconds=number)
        visit.append(rows.hello(moment, 100 + number, src_ip="198.51.100.66", **facts))
        visit.append(
            rows.request(
                moment,
                100 + number,
                client_ip="198.51.100.66",
                protocol="HTTP/1.1",
                user_agent=CHROME_AGENT,
                accept_encoding="gzip, deflate",
                path="/login",
                **facts,
            )
        )
    return visit


def cleartext_visit(hour: datetime) -> list[Row]:
    """One request without TLS, and a hello that no request followed."""
    return [
        rows.request(
            hour + timedelta(minutes=40),
            900,
            client_ip="2001:db8::7",
            scheme="http",
            host="Shop.Test:80",
            protocol="HTTP/1.1",
            join_state=rows.JoinState.CLEARTEXT,
            join_confidence=0.0,
            alpn=(),
        ),
        rows.hello(hour + timedelta(minutes=41), 901, src_ip="198.51.100.99", ja4="a", ja4_stable="scan"),
        rows.tick(hour, http_events_seen=14, requests_matched=13, requests_cleartext=1),
        rows.tick(hour, http_events_seen=1, requests_waiting=1, run_id=2),
    ]


def dbt(
    database_url: str, folder: Path, project: Path, *arguments: str, hours: Mapping[str, str] | None = None
) -> str:
    """Run dbt against a database and return its log; fails with the log when it fails or warns."""
    parts = urlsplit(database_url)
    finished = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "--warn-error", *arguments],
        env=os.environ
        | {
            "JA4_CLICKHOUSE_HOST": parts.hostname or "",
            "JA4_CLICKHOUSE_PORT": str(parts.port),
            "JA4_CLICKHOUSE_USER": parts.username or "",
            "JA4_CLICKHOUSE_PASSWORD": parts.password or "",
            "JA4_CLICKHOUSE_DATABASE": parts.path.strip("/"),
            "DBT_PROJECT_DIR": str(project),
            "DBT_PROFILES_DIR": str(project),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_LOG_FORMAT_FILE": "json",
            "DBT_LOG_FILE_MAX_BYTES": "0",
            **(hours or {}),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if finished.returncode != 0:
        pytest.fail(f"dbt {' '.join(arguments)} failed:\n{finished.stdout}{finished.stderr}")
    return finished.stdout


def snapshot(client: Client) -> dict[str, list[str]]:
    """Every row of the hourly tables as text, its columns by name; a row stored twice stands there twice."""
    return {
        table: sorted(
            json.dumps(json.loads(text), sort_keys=True)
            for (text,) in client.query(
                "select formatRowNoNewline('JSONEachRow', *) from {table:Identifier}",
                parameters={"table": table},
                settings={
                    "output_format_json_quote_64bit_floats": 1,
                    "output_format_json_quote_denormals": 1,
                },
            ).result_rows
        )
        for table in HOURLY_MARTS
    }


@pytest.fixture(scope="session")
def warehouse_parts() -> SimpleNamespace:
    """What tests that fill a database of their own need."""
    visits = {visit.__name__: visit for visit in (chrome_visit, spoofed_visit, cleartext_visit)}
    return SimpleNamespace(store=store, dbt=dbt, statements=dbt_statements, **visits)


def build_twice(
    client: Client,
    database_url: str,
    folder: Path,
    project: Path,
    *build: str,
    hours: tuple[datetime, datetime, datetime],
    environment: Mapping[str, str] | None = None,
) -> Warehouse:
    """Raw rows, the dbt command `build`, late rows, then `dbt run` over the last two of three hours."""
    early, middle, late = hours
    now = late + timedelta(hours=2)
    for hour in hours:
        visit = [*chrome_visit(hour), *spoofed_visit(hour, 7), *cleartext_visit(hour)]
        store(client, *visit)
        store(client, *reversed(visit))
    client.insert(
        "bot_scores",
        [[late, "198.51.100.66", REQUESTS_STABLE, "shop.test", "forest", "3", 0.9, 0.99, 0.6,
          [("grease_missing", 0.875, 0.0, 0.4)], "v1", "run", now, 0.002, "tool", 1]],
    )  # fmt: skip
    client.insert(
        "verdicts",
        [[now, late, "198.51.100.66", REQUESTS_STABLE, "shop.test", "bad_bot", "model", "forest:3", 0.9,
          "The handshake is not the browser's.", {"grease_missing": "0.875"}, "run"]],
    )  # fmt: skip
    build_log = dbt(database_url, folder, project, *build, hours=environment)
    first = snapshot(client)
    store(client, *spoofed_visit(early, 2, first=7), *spoofed_visit(middle, 2, first=7))
    # An hour of a mart whose requests are gone.
    client.command(
        "insert into fct_ja4_hour select * replace (addHours(hour, 1) as hour)"
        " from (select * from fct_ja4_hour where hour = {late:DateTime64(0, 'UTC')})",
        parameters={"late": late},
    )
    window = {"JA4_START_HOUR": f"{middle:%Y-%m-%d %H:%M:%S}", "JA4_END_HOUR": f"{now:%Y-%m-%d %H:%M:%S}"}
    dbt(
        database_url,
        folder,
        project,
        "run",
        "--select",
        *BUILT_AGAIN,
        hours={**window, **(environment or {})},
    )
    return Warehouse(client, hours, first, snapshot(client), build_log, database_url, folder)


@pytest.fixture(scope="session")
def warehouse(
    clickhouse_dsn: str, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """One machine: migrations, then everything built and two hours built again."""
    database_url = f"{clickhouse_dsn}/warehouse_{uuid.uuid4().hex[:12]}"
    migrate.upgrade(database_url)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    hours = (now - timedelta(hours=4), now - timedelta(hours=3), now - timedelta(hours=2))
    project, folder = project_root / "dbt_clickhouse", tmp_path_factory.mktemp("dbt")
    with clickhouse_connect.get_client(dsn=database_url) as client:
        yield build_twice(client, database_url, folder, project, "build", hours=hours)
        client.command(f"drop database {urlsplit(database_url).path.strip('/')} sync")


@pytest.fixture(scope="session")
def warehouse_of_a_cluster(
    warehouse: Warehouse,
    project_root: Path,
    start_database: Callable[[Path], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Warehouse]:
    """The same rows of the same hours, migrated and built with the one setting for a cluster."""
    home, folder = tmp_path_factory.mktemp("engine_of_a_cluster"), tmp_path_factory.mktemp("dbt_of_a_cluster")
    engine_of_a_cluster.configure(home)
    environment = {"JA4_CLICKHOUSE_CLUSTER": engine_of_a_cluster.CLUSTER}
    with start_database(home) as dsn, engine_of_a_cluster.gateway_before(dsn) as gateway:
        database_url = f"{gateway}/ja4_processing"
        with pytest.MonkeyPatch.context() as changed:
            changed.setenv("JA4_CLICKHOUSE_CLUSTER", engine_of_a_cluster.CLUSTER)
            migrate.upgrade(database_url)
        with clickhouse_connect.get_client(dsn=f"{dsn}/ja4_processing") as client:
            yield build_twice(
                client,
                database_url,
                folder,
                project_root / "dbt_clickhouse",
                "build",
                "--exclude-resource-type",
                "test",
                "unit_test",
                hours=warehouse.hours,
                environment=environment,
            )
