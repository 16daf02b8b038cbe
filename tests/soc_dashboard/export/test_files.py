"""Rows as CSV and Parquet: nothing computes, nothing is lost."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq
import pytest

from soc_dashboard.export.files import csv_file, parquet_file
from soc_dashboard.store.rows import AuditRow


def audit(**values: Any) -> AuditRow:
    plain = {"at": datetime(2026, 11, 22, 10, 0, 0, 1, UTC), "user": "ada", "action": "label", "total": 9}
    return AuditRow(**{**plain, "target": "", "details": "", **values})


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8"), newline="")))


@pytest.mark.parametrize(
    "value",
    [
        '=HYPERLINK("http://example.invalid","x")',
        "+1+1",
        "-2+3",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
    ],
)
def test_a_text_that_a_spreadsheet_computes_gets_a_leading_quote(value: str) -> None:
    """The characters are those of OWASP's page on CSV injection."""
    assert read(csv_file(AuditRow, [audit(target=value)]))[1][3] == f"'{value}"


@pytest.mark.parametrize(
    "value", ["plain", 'quote " and , comma', "two\r\nlines", "nul\0byte", "\u202eright"]
)
def test_other_texts_stay_as_they_are(value: str) -> None:
    assert read(csv_file(AuditRow, [audit(target=value)]))[1][3] == value


def test_the_header_names_the_columns_and_counts_of_the_result_are_left_out() -> None:
    assert read(csv_file(AuditRow, []))[0] == ["at", "user", "action", "target", "details"]


def test_parquet_keeps_texts_and_times() -> None:
    rows = [audit(target="=1+1"), audit(target="nul\0byte")]
    table = pq.read_table(io.BytesIO(parquet_file(AuditRow, rows)))
    assert table.column("target").to_pylist() == ["=1+1", "nul\0byte"]
    assert table.column("at").to_pylist() == [row.at for row in rows]
    assert "total" not in table.column_names


def test_a_file_without_rows_is_a_file() -> None:
    table = pq.read_table(io.BytesIO(parquet_file(AuditRow, [])))
    assert table.num_rows == 0
