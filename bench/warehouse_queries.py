"""Times every query of the dashboard: each file of `soc_dashboard/queries`, at its widest.

Values are bound by the name of the parameter; conditions that a page may add are left out, so each query
reads the whole span. The span is the dashboard's default, 24 hours, and moves by minutes between runs.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from soc_dashboard.verdicts import SEVERITY

SPAN = timedelta(hours=24)
EMPTY: dict[str, Any] = {"String": "", "Array(String)": []}
FRAGMENTS = {
    "/* value */": "toString(entity.asn)",
    "/* review_score */": "cast(null as Nullable(Float64))",
}
"""Marks that must be filled, with what a page fills them with; all others only narrow or sort."""
PARAMETER = re.compile(r"\{(\w+):([A-Za-z0-9()]+)\}")

SUBJECTS = """
select
    argMax(ja4_stable, requests) as ja4_stable,
    toString(argMax(client_ip, requests)) as client_ip,
    argMax(host, requests) as host
from fct_entity_hour
where hour >= {since:DateTime64(6, 'UTC')} and hour < {until:DateTime64(6, 'UTC')}
"""
A_REQUEST = """
select
    toUnixTimestamp64Micro(ts) as ts_us,
    conn_id,
    request_seq_on_conn
from fct_request
where ts >= {since:DateTime64(6, 'UTC')} and ts < {until:DateTime64(6, 'UTC')}
limit 1
"""


@dataclass(frozen=True, slots=True)
class QueryTimes:
    """Seconds of one query, sorted."""

    name: str
    seconds: list[float]

    @property
    def p50(self) -> float:
        """Median."""
        return self.seconds[len(self.seconds) // 2]

    @property
    def p95(self) -> float:
        """95 % of the runs took at most this long."""
        return self.seconds[min(len(self.seconds) - 1, int(0.95 * len(self.seconds)))]


def time_queries(client: Client, until: datetime, runs: int) -> tuple[list[QueryTimes], dict[str, str]]:
    """Run each query `runs` times over the 24 hours before `until` and a little earlier; slowest first.

    Beside them, by name, what the database says of each query that it refuses: the others keep their times.
    """
    since = until - SPAN
    span = {"since": since, "until": until}
    ((ja4_stable, client_ip, host),) = client.query(SUBJECTS, parameters=span).result_rows
    ((ts_us, conn_id, request_seq),) = client.query(A_REQUEST, parameters=span).result_rows
    known: dict[str, Any] = {
        "ja4_stable": ja4_stable,
        "fingerprint": ja4_stable,
        "client_ip": client_ip,
        "ip": client_ip,
        "host": host,
        "ts_us": ts_us,
        "conn_id": conn_id,
        "request_seq_on_conn": request_seq,
        "severity": list(SEVERITY),
        "verdicts": list(SEVERITY),
        "marts": ["fct_entity_verdict"],
        "limit": 50,
        "most": 10_000,
        "sign": -1,
        "bucket_s": 1800,
        "label_id": str(UUID(int=0)),
    }
    found = []
    failures = {}
    for file in sorted(
        resources.files("soc_dashboard").joinpath("queries").iterdir(), key=lambda one: one.name
    ):
        name, text = file.name.removesuffix(".sql"), file.read_text("utf-8")
        for mark, sql in FRAGMENTS.items():
            text = text.replace(mark, sql)
        seconds = []
        for run in range(runs):
            moved = timedelta(minutes=7 * run)
            values = known | {
                "since_us": round((since - moved).timestamp() * 1e6),
                "until_us": round((until - moved).timestamp() * 1e6),
            }
            bound = {key: values.get(key, EMPTY.get(kind, 0)) for key, kind in PARAMETER.findall(text)}
            began = time.perf_counter()
            try:
                client.query(text, parameters=bound)
            except DatabaseError as error:
                failures[name] = str(error).partition("\n")[0][:200]
                break
            seconds.append(time.perf_counter() - began)
        else:
            found.append(QueryTimes(name, sorted(seconds)))
    return sorted(found, key=lambda times: -times.p95), failures
