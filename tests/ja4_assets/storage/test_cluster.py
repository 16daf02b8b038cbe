"""The migrations on one machine and on a cluster, as statements: pinned, and judged by the engine.

The embedded engine runs no statement ON CLUSTER. It parses every one; and it makes every replicated and
Distributed table, with a Keeper of its own, from the same statement without that clause.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy
from clickhouse_connect.driver import Client

from ja4_assets.storage import migrate
from ja4_assets.storage.cluster import sharding_key, statements
from ja4_assets.storage.engines import Topology

SNAPSHOTS = Path(__file__).with_name("snapshots")
CLUSTER = Topology("ja4")
CONFIGURATION = """
<clickhouse>
  <log-level>none</log-level>
  <zookeeper><implementation>testkeeper</implementation></zookeeper>
  <macros><shard>1</shard><replica>a</replica></macros>
  <remote_servers><ja4><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></ja4></remote_servers>
</clickhouse>
"""
ENGINE = """
import json, sys
from chdb import _chdb
connection = _chdb.connect(sys.argv[1])
refused = []
for statement in json.load(open(sys.argv[2])):
    try:
        answer = connection.query(statement, "TabSeparated")
        error = answer.error_message() if answer.has_error() else ""
    except RuntimeError as failure:
        error = str(failure)
    if error:
        refused.append([statement[:300], error[:600]])
print(json.dumps(refused), flush=True)
import os
os._exit(0)
"""


@pytest.fixture(scope="module")
def executed(clickhouse_dsn: str) -> Iterator[list[str]]:
    """Every statement that the whole chain of migrations executes on one machine, but for Alembic's own."""
    name = f"cluster_{os.getpid()}"
    found: list[str] = []

    @sqlalchemy.event.listens_for(sqlalchemy.engine.Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        is_ddl = re.match(r"(?i)\s*(create|alter|drop)", statement) and "alembic_version" not in statement
        if is_ddl:
            found.append(re.sub(r"[ \t]+\n", "\n", statement).replace(name, "ja4_processing").strip())

    migrate.upgrade(f"{clickhouse_dsn}/{name}")
    sqlalchemy.event.remove(sqlalchemy.engine.Engine, "before_cursor_execute", note)
    yield found
    migrate.downgrade(f"{clickhouse_dsn}/{name}", "base")


@pytest.mark.parametrize("topology", [Topology(), CLUSTER], ids=["one_machine", "cluster"])
def test_statements_are_those_that_were_reviewed(executed: list[str], topology: Topology) -> None:
    """After a new migration: run with JA4_WRITE_SNAPSHOTS=1, and read the difference."""
    spread = [one for statement in executed for one in statements(statement, topology)]
    text = ";\n\n".join(spread) + ";\n"
    snapshot = SNAPSHOTS / f"{'cluster' if topology.is_cluster else 'one_machine'}.sql"
    if os.environ.get("JA4_WRITE_SNAPSHOTS"):
        snapshot.parent.mkdir(exist_ok=True)
        snapshot.write_text(text)
    assert text == snapshot.read_text()


def test_engine_parses_every_statement_for_a_cluster(executed: list[str], migrated: Client) -> None:
    for statement in executed:
        for one in statements(statement, CLUSTER):
            migrated.query("select formatQuery({statement:String})", parameters={"statement": one})


def as_made_and_as_changeable(statement: str) -> list[str]:
    """A replicated table under another name, and without replication under its own.

    The embedded engine's replicas never leave their read-only state, in which columns cannot be changed.
    """
    replicated = re.compile(r"Replicated(\w*MergeTree)\('[^']*', '[^']*'(?:, )?")
    if not replicated.search(statement):
        return [statement]
    return [re.sub(r"(\w+)_local", r"\1_made_local", statement, count=1), replicated.sub(r"\1(", statement)]


def test_engine_makes_every_table_view_and_dictionary_of_a_cluster(
    executed: list[str], tmp_path: Path
) -> None:
    home = tmp_path / "engine"
    home.mkdir()
    configuration = tmp_path / "engine.xml"
    configuration.write_text(CONFIGURATION)
    spread = ["create database ja4_processing engine = Atomic", "use ja4_processing"]
    for statement in executed:
        for one in statements(statement, CLUSTER):
            spread += [form.replace(CLUSTER.on_cluster, "") for form in as_made_and_as_changeable(one)]
    listing = tmp_path / "statements.json"
    listing.write_text(json.dumps(spread))
    finished = subprocess.run(
        [sys.executable, "-c", ENGINE, f"{home}?config-file={configuration}", str(listing)],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert json.loads(finished.stdout) == []


def test_an_address_has_one_shard_as_source_of_hellos_and_as_client_of_requests() -> None:
    assert sharding_key("raw_http_requests", has_client=True) == "cityHash64(client_ip)"
    assert sharding_key("raw_tls_hellos", has_client=False) == "cityHash64(src_ip)"


def test_guide_copies_every_table_but_reference_data(executed: list[str], project_root: Path) -> None:
    guide = (project_root / "docs/how-to/from-one-machine-to-a-cluster.md").read_text()
    script = guide[guide.index("```bash") :].split("```")[1]
    made = {found[1] for one in executed if (found := re.match(r"(?i)create table \D*?`(\w+)`", one))}
    assert len(made) > 20
    assert {name for name in made if f" {name}" not in script and not name.startswith("intel_")} == set()


def test_every_server_knows_the_revision() -> None:
    made = "CREATE TABLE `alembic_version` (`version_num` VARCHAR(32)) Engine MergeTree ORDER BY version_num"
    (everywhere,) = statements(made, CLUSTER)
    assert everywhere == (
        "create table alembic_version on cluster `ja4` (`version_num` VARCHAR(32)) "
        "engine = ReplicatedMergeTree('/clickhouse/tables/all/{database}/{table}', '{shard}-{replica}') "
        "ORDER BY version_num settings replicated_deduplication_window = 0"
    )
    kept = "INSERT INTO `alembic_version` (version_num) VALUES ('0002')"
    assert statements(kept, CLUSTER) == [kept]


def test_unknown_ddl_is_refused_instead_of_run_on_one_server_only() -> None:
    with pytest.raises(ValueError, match="no form for a cluster"):
        statements("create user someone", CLUSTER)
    with pytest.raises(ValueError, match="no replicated form"):
        statements("create table t (a UInt8) engine = Log", CLUSTER)


def test_one_machine_runs_what_the_migration_says() -> None:
    assert statements("anything at all", Topology()) == ["anything at all"]


def test_name_of_a_cluster_is_checked() -> None:
    with pytest.raises(ValueError, match="JA4_CLICKHOUSE_CLUSTER"):
        Topology("ja4` sync; --")
