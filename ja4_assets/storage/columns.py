"""Columns of the migrations, written as ClickHouse type names."""

from __future__ import annotations

from typing import Any

from clickhouse_connect.cc_sqlalchemy.datatypes.base import sqla_type_from_name
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine


def column(name: str, clickhouse_type: str, comment: str = "", codec: str | None = None) -> Column[Any]:
    """A column of `clickhouse_type`, as ClickHouse spells it, with a comment that `describe table` shows.

    `codec` is what stands inside `codec(...)`; None leaves the server's default.
    """
    options: dict[str, Any] = {"clickhousedb_codec": codec} if codec else {}
    column_type: TypeEngine[Any] = sqla_type_from_name(clickhouse_type)  # type: ignore[assignment]
    return Column(name, column_type, comment=comment or None, nullable=False, **options)
