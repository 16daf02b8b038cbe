"""From the canary's hello to the figure on the screen: Apache with the module, the agent, ClickHouse, dbt.

One joined row is made wrong on purpose: the measurement must see it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pytest
from clickhouse_connect.driver import Client

from ja4_assets.defs.join_accuracy import joins_are_right
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage import migrate
from ja4_assets.warehouse.project import dbt_environment

sys.path.insert(0, str(Path(__file__).parents[1] / "capture_agent" / "httpd"))

from private_apache import PrivateApache, build_module

pytestmark = pytest.mark.root

ROUNDS = 110
REQUESTS = ROUNDS * 10
DEADLINE_S = 60.0
SECRET = "a secret for these tests only"
SENSOR = "canary-lab"
MARTS = ("fct_join_accuracy", "int_requests", "fct_entity_hour", "fct_ja4_hour", "fct_request_minute")


@dataclass(frozen=True)
class Measured:
    """The database after the canary flew past."""

    client: Client
    url: str
    report: list[dict[str, Any]]
    """What the canary says it did, round by round."""
    dbt: Callable[..., None]


@pytest.fixture(scope="module")
def measured(
    clickhouse_dsn: str, project_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Measured]:
    missing = [tool for tool in ("apache2", "apxs", "openssl") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        pytest.skip(f"NOT RUN, the canary is untested end to end: needs root and {missing or 'nothing else'}")
    folder = tmp_path_factory.mktemp("canary")
    url = f"{clickhouse_dsn}/canary_{uuid.uuid4().hex[:12]}"
    migrate.upgrade(url)
    (folder / "secret").write_text(SECRET)

    def dbt(*selected: str) -> None:
        run_dbt(url, project_root / "dbt_clickhouse", folder, selected)

    with clickhouse_connect.get_client(dsn=url) as client:
        apache = PrivateApache(build_module(folder / "module"))
        agent = start_agent(apache, folder, url)
        try:
            with apache:
                report = fly(apache, folder)
                visit(apache)
                wait_for_rows(client, REQUESTS + 2)
        finally:
            agent.terminate()
            agent.wait(DEADLINE_S)
        dbt(*(f"+{mart}" for mart in MARTS))
        yield Measured(client, url, report, dbt)
        client.command(f"drop database {urlsplit(url).path.strip('/')} sync")


def start_agent(apache: PrivateApache, folder: Path, url: str) -> subprocess.Popen[bytes]:
    """`ja4-agent run` on loopback, that knows the canary's secret; returns once its socket is there."""
    (folder / "agent.toml").write_text(
        f'[agent]\nsensor = "{SENSOR}"\nstate_dir = "{folder}"\n'
        f'[capture]\ninterfaces = ["lo"]\nports = [{apache.tls_port}]\n'
        f'[requests]\ncanary_secret_file = "{folder}/secret"\n'
        f'[[http]]\nsocket = "{apache.socket_path}"\nmode = 0o666\n'
        "[delivery]\nbatch_age_s = 0.2\n[metrics]\nport = 0\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "capture_agent.cli", "run", "--config", str(folder / "agent.toml")],
        env={**os.environ, "JA4_CLICKHOUSE_URL": url},
        stderr=(folder / "agent.log").open("wb"),
    )
    give_up_s = time.monotonic() + DEADLINE_S
    while '"started"' not in (folder / "agent.log").read_text():
        assert process.poll() is None, (folder / "agent.log").read_text()
        assert time.monotonic() < give_up_s, "the agent did not start"
        time.sleep(0.05)
    return process


def fly(apache: PrivateApache, folder: Path) -> list[dict[str, Any]]:
    """The canary as an operator runs it."""
    command = [sys.executable, "-m", "capture_agent.canary.cli", "--every", "1ms", "--rounds", str(ROUNDS)]
    command += ["--url", f"https://127.0.0.1:{apache.tls_port}", "--secret-file", str(folder / "secret")]
    command += ["--ca-file", str(apache.root / "certificate.pem")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-2000:]
    return [json.loads(line) for line in finished.stdout.splitlines()]


def visit(apache: PrivateApache) -> None:
    """Two visitors; the second says that it is a canary."""
    url = f"https://127.0.0.1:{apache.tls_port}/index.html"
    forged = f"ja4-canary/1 00112233445566ff-1-1 {int(time.time())} {'0' * 32}"
    for user_agent in ("visitor", forged):
        command = ["curl", "-sfk", "-o", "/dev/null", "-A", user_agent, url]
        subprocess.run(command, check=True, timeout=DEADLINE_S)


def wait_for_rows(client: Client, count: int) -> None:
    """Until the agent has delivered so many requests."""
    give_up_s = time.monotonic() + DEADLINE_S
    while (stored := client.query("select count() from raw_http_requests final").first_row[0]) < count:
        assert time.monotonic() < give_up_s, f"{stored} of {count} requests were stored"
        time.sleep(0.2)


def run_dbt(url: str, project: Path, folder: Path, selected: Sequence[str]) -> None:
    """Build what is selected, as Dagster does, without the tests that other suites run."""
    finished = subprocess.run(
        [sys.executable, "-m", "dbt.cli.main", "--no-use-colors", "build", "--select", *selected,
         "--exclude", "resource_type:unit_test", "resource_type:test"],
        env=os.environ
        | dbt_environment(url)
        | {
            "DBT_PROJECT_DIR": str(project),
            "DBT_PROFILES_DIR": str(project),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stdout[-4000:]


def accuracy(client: Client) -> dict[str, int]:
    """Sums of the mart."""
    rows = client.query("select * from fct_join_accuracy where sensor = 'canary-lab'").named_results()
    counted: Counter[str] = Counter()
    for row in rows:
        counted.update({name: value for name, value in row.items() if name.startswith("requests")})
    return dict(counted)


def test_every_request_that_was_sent_is_reported_and_joined_rightly(measured: Measured) -> None:
    sent = sum(line["sent"] for line in measured.report)
    assert sent == REQUESTS == sum(line["answered"] for line in measured.report)
    assert sum(line["resumed"] for line in measured.report) == ROUNDS
    assert accuracy(measured.client) == {
        "requests": sent,
        "requests_right": sent,
        "requests_wrong": 0,
        "requests_unjoined": 0,
        "requests_unreported": 0,
    }
    result = joins_are_right(clickhouse=ClickHouseResource(url=measured.url))
    assert (result.passed, result.metadata["sensors_measured"].value) == (True, 1)


def test_canary_is_in_no_visitors_mart_and_a_forged_one_is(measured: Measured) -> None:
    read = measured.client.query
    agents = {agent for (agent,) in read("select distinct user_agent from int_requests").result_rows}
    assert "visitor" in agents
    assert len(agents) == 2
    for mart in ("fct_entity_hour", "fct_request_minute", "fct_ja4_hour"):
        counted = read("select sum(requests) from {mart:Identifier}", parameters={"mart": mart})
        assert counted.first_row == (2,), mart
    assert read("select sum(hellos) from fct_ja4_hour").first_row == (2,)
    hellos = read("select count() from raw_tls_hellos final where sni like '%canary.invalid'").first_row[0]
    assert hellos == ROUNDS * 5


def test_wrong_and_missing_joins_and_lost_reports_lower_the_figures(measured: Measured) -> None:
    """Three rows get another hello's name, six lose their hello, two vanish."""
    change = measured.client.command
    nonce = "toUInt32(splitByChar('-', assumeNotNull(canary_nonce))[3])"
    for what in (
        f"update sni = '0000000000000000-1.canary.invalid' where {nonce} in (10, 20, 30)",
        f"update join_state = 'no_hello', sni = null where {nonce} between 40 and 45",
        f"delete where {nonce} in (500, 501)",
    ):
        condition = what.replace("where", "where canary_nonce is not null and")
        change(f"alter table raw_http_requests {condition} settings mutations_sync = 1")
    measured.dbt("fct_join_accuracy")
    assert accuracy(measured.client) == {
        "requests": REQUESTS - 2,
        "requests_right": REQUESTS - 11,
        "requests_wrong": 3,
        "requests_unjoined": 6,
        "requests_unreported": 2,
    }
    result = joins_are_right(clickhouse=ClickHouseResource(url=measured.url))
    right, wrong = REQUESTS - 11, 3
    assert not result.passed
    assert result.description == (
        f"{SENSOR}: precision {right / (right + wrong):.3%}, recall {right / (REQUESTS - 2):.3%}"
    )
