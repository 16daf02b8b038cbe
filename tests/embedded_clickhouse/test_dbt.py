"""The dbt adapter for ClickHouse works on the gateway as it is: seed, table, view, incremental, tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROFILE = """
gateway:
  target: test
  outputs:
    test:
      type: clickhouse
      schema: "{{ env_var('TEST_DATABASE') }}"
      host: "{{ env_var('TEST_HOST') }}"
      port: "{{ env_var('TEST_PORT') | int }}"
      user: "{{ env_var('TEST_USER') }}"
      password: "{{ env_var('DBT_ENV_SECRET_PASSWORD') }}"
      secure: false
      threads: 2
"""
FILES = {
    "profiles.yml": PROFILE,
    "dbt_project.yml": """
name: gateway
version: "1.0"
profile: gateway
model-paths: [models]
seed-paths: [seeds]
flags:
  send_anonymous_usage_stats: false
""",
    "seeds/clients.csv": "id,name\n1,curl\n2,firefox\n",
    "models/as_table.sql": (
        "{{ config(materialized='table', engine='MergeTree', order_by='id') }}\n"
        "select id, upper(name) as name from {{ ref('clients') }}\n"
    ),
    "models/as_view.sql": (
        "{{ config(materialized='view') }}\nselect count() as n from {{ ref('as_table') }}\n"
    ),
    "models/as_incremental.sql": (
        "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id',"
        " engine='MergeTree', order_by='id') }}\n"
        "select id, {{ 2 if is_incremental() else 1 }} as run from {{ ref('as_table') }}\n"
        "{% if is_incremental() %}where id = 2{% endif %}\n"
    ),
    "models/schema.yml": """
models:
  - name: as_table
    columns:
      - name: id
        data_tests: [unique, not_null]
unit_tests:
  - name: names_become_upper_case
    model: as_table
    given:
      - input: ref('clients')
        rows:
          - {id: 9, name: wget}
    expect:
      rows:
        - {id: 9, name: WGET}
""",
}


@pytest.mark.slow
def test_dbt_builds_every_kind_of_model_and_runs_again(tmp_path: Path, database: str, gateway: Any) -> None:
    for name, content in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    environment = {
        **os.environ,
        "TEST_DATABASE": database,
        "TEST_HOST": gateway.host,
        "TEST_PORT": str(gateway.port),
        "TEST_USER": gateway.login["X-ClickHouse-User"],
        "DBT_ENV_SECRET_PASSWORD": gateway.login["X-ClickHouse-Key"],
    }
    dbt = str(Path(sys.executable).parent / "dbt")
    for command in ("build", "run"):
        ended = subprocess.run(
            [dbt, command, "--profiles-dir", str(tmp_path), "--project-dir", str(tmp_path)],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout
    ask = {"database": database}
    assert gateway.ask("select id, name from as_table order by id", **ask).text == "1\tCURL\n2\tFIREFOX\n"
    assert gateway.ask("select n from as_view", **ask).text == "2\n"
    assert gateway.ask("select id, run from as_incremental order by id", **ask).text == "1\t1\n2\t2\n"
