"""A mixture of a lab recording and amplified people, replayed once and kept.

A mixture is replayed as `make up` replays its sample: frames and requests through `ja4-agent replay`, tables
by the migrations, the bundled reference data, dbt up to the entity hours, the check of who claims to be a
bot. The database is kept, so that training, rules and scoring can be repeated in seconds. Times end at the
last midnight, so that hours are cut alike on every day.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ja4_assets.intel.catalogue import SOURCES
from ja4_assets.intel.fetch import fetch
from ja4_assets.intel.store import activate
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage import migrate
from ja4_assets.verified_bots.identity import identify
from ja4_assets.verified_bots.record import CLAIMS, Checked, due_claims, identity_rows
from ja4_assets.warehouse.project import PROJECT_DIR, dbt_environment, dbt_executable
from labelled.database import embedded
from sample_traffic.truth import labels_of_sample

ROOT = PROJECT_DIR.parent
DATABASE, TRUTH, TRAITS = "database", "truth.parquet", "traits.parquet"
ENTITY_HOURS = "entity_hours.parquet"
MODELS = ("+fct_entity_hour", "+dim_label", "+dim_bot_identity")
"""What the rules are asked of."""
ALWAYS = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": datetime(2100, 1, 1, tzinfo=UTC)}
SHAPING = (
    ("dbt_clickhouse", ("*.sql", "*.csv", "dbt_project.yml")),
    ("sample_traffic", ("*.py", "*.xz", "*.tsv")),
    ("ja4_assets/storage/migrations", ("*.py",)),
    ("ja4_assets/verified_bots", ("*.py",)),
)
"""Files that decide what a mixture becomes; the agent's own are left out, its rows are held by tests."""

TRAITS_OF_REQUESTS = """
select
    toString(request.client_ip) as client_ip,
    request.ts as ts,
    request.src_port as src_port,
    request.host as host,
    request.path as path,
    ifNull(request.tcp_ttl, 0) as tcp_ttl,
    ifNull(request.tcp_mss, 0) as tcp_mss,
    ifNull(toString(request.tcp_signature), '') as tcp_signature,
    dictGetOrDefault('intel_asn', 'asn', tuple(request.client_ip), toUInt32(0)) as asn
from raw_http_requests as request
order by request.client_ip, request.ts
"""
"""One row for each request: what only the building of the lab decides. For the leak tests."""

MART = "select * replace (toString(client_ip) as client_ip) from fct_entity_hour"


@dataclass(frozen=True, slots=True)
class Mixture:
    """A recording and how many amplified people are around it."""

    recording: str
    scale: float
    seed: int

    @property
    def name(self) -> str:
        """Names its folder in a cache."""
        return f"{self.recording}-scale{self.scale:g}-seed{self.seed}"


@dataclass(frozen=True, slots=True)
class Kept:
    """A replayed mixture in the cache."""

    folder: Path

    @property
    def truth(self) -> pl.DataFrame:
        """Columns of `sample_traffic.truth.SCHEMA` without `network`."""
        return pl.read_parquet(self.folder / TRUTH)

    @property
    def traits(self) -> pl.DataFrame:
        """Columns of `TRAITS_OF_REQUESTS`."""
        return pl.read_parquet(self.folder / TRAITS)

    @property
    def entity_hours(self) -> pl.DataFrame:
        """The mart `fct_entity_hour` as it is, addresses as text."""
        return pl.read_parquet(self.folder / ENTITY_HOURS)

    @contextmanager
    def database(self) -> Iterator[ClickHouseResource]:
        """The mixture's database, while it is needed."""
        with embedded(self.folder / DATABASE) as url:
            yield ClickHouseResource(url=url)


def kept(cache: Path, mixture: Mixture, *, accept_stale: bool = False) -> Kept:
    """The mixture from the cache; replayed first where it is missing or made by other sources.

    `accept_stale` takes what is there although the sources have changed since.
    """
    folder = cache / mixture.name
    made_by = folder / "made_by"
    wanted = _digest(mixture)
    if made_by.exists() and (accept_stale or made_by.read_text() == wanted):
        return Kept(folder)
    print(f"replaying {mixture.name}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _replay(mixture, folder)
    made_by.write_text(wanted)
    return Kept(folder)


def _replay(mixture: Mixture, folder: Path) -> None:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with TemporaryDirectory() as made, embedded(folder / DATABASE) as url:
        sample, end = Path(made) / "sample", f"{midnight:%Y-%m-%d}"
        amplify = [sys.executable, "-m", "sample_traffic", "--out", str(sample), "--end", end]
        amplify += ["--recording", mixture.recording]
        _run([*amplify, "--scale", f"{mixture.scale:g}", "--seed", str(mixture.seed)], url)
        migrate.upgrade(url)
        database = ClickHouseResource(url=url)
        for source in SOURCES:
            if source.registry is not None:
                activate(database, source, fetch(source, "default"))
        agent = [sys.executable, "-m", "capture_agent.cli", "replay", str(sample / "sample.pcap")]
        agent += ["--http", str(sample / "sample_http.jsonl"), "--sink", "clickhouse", "--sensor", "bench"]
        _run(agent, url)
        dbt = [dbt_executable(), "--quiet", "--no-use-colors"]
        places = ["--project-dir", str(PROJECT_DIR), "--profiles-dir", str(PROJECT_DIR)]
        places += ["--target-path", str(Path(made) / "target"), "--log-path", str(Path(made) / "logs")]
        _run([*dbt, "seed", *places], url)
        _run([*dbt, "run", *places, "--select", *MODELS], url)
        now = datetime.now(UTC)
        claims = due_claims(database.read(CLAIMS, ALWAYS), pl.DataFrame(), 0, now)
        answers = [Checked(one.client_ip, one.claimed, identify(one, None)) for one in claims]
        database.insert("bot_identities", identity_rows(answers, now))
        labels_of_sample(sample).write_parquet(folder / TRUTH)
        database.read(TRAITS_OF_REQUESTS).write_parquet(folder / TRAITS)
        database.read(MART).write_parquet(folder / ENTITY_HOURS)


def _run(command: list[str], url: str) -> None:
    environment = {**os.environ, **dbt_environment(url), "JA4_CLICKHOUSE_URL": url}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=sys.stderr)


def _digest(mixture: Mixture) -> str:
    digest = hashlib.sha256(repr(asdict(mixture)).encode())
    for top, patterns in SHAPING:
        found = {path for pattern in patterns for path in (ROOT / top).rglob(pattern) if path.is_file()}
        for path in sorted(found):
            if "target" not in path.relative_to(ROOT).parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]
