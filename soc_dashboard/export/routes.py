"""`/export/<table>.<kind>`: what a table shows, as a file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query
from starlette.responses import Response

from soc_dashboard.export.files import MAX_EXPORT_ROWS, csv_file, parquet_file
from soc_dashboard.export.tables import EXPORTS, Asked
from soc_dashboard.filters import EARLIEST_S, LATEST_S, MAX_TEXT
from soc_dashboard.search.terms import MAX_QUERY, SearchError, Term, parse
from soc_dashboard.store.campaigns import STATUSES
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.verdicts import VERDICTS
from soc_dashboard.window import Window

FILES_AT_ONCE = 2
"""Each may hold MAX_EXPORT_ROWS rows in memory."""
Second = Annotated[int, Query(ge=EARLIEST_S, le=LATEST_S)]


class FileKind(StrEnum):
    """Formats of an export."""

    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {FileKind.CSV: "text/csv; charset=utf-8", FileKind.PARQUET: "application/vnd.apache.parquet"}


def export_router(marts: MartDatabase) -> APIRouter:
    """The route of all exports; pages link to it, programs use the API."""
    router = APIRouter(include_in_schema=False)
    room = asyncio.Semaphore(FILES_AT_ONCE)

    @router.get("/export/{table}.{kind}")
    async def export(
        table: str,
        kind: FileKind,
        since: Second,
        until: Second,
        q: Annotated[str, Query(max_length=MAX_TEXT)] = "",
        scope: Annotated[str, Query(max_length=MAX_QUERY)] = "",
        verdict: Annotated[str, Query(max_length=20)] = "",
        sort: Annotated[str, Query(max_length=40)] = "",
        descending: bool = True,
        action: Annotated[str, Query(max_length=100)] = "",
        status: Annotated[str, Query(max_length=20)] = "",
        ranged: bool = False,
        active: bool = False,
    ) -> Response:
        """The rows that match, at most MAX_EXPORT_ROWS; the header `X-Row-Limit` says so."""
        found = EXPORTS.get(table)
        if found is None:
            raise HTTPException(404, f"there is no export {table[:40]!r}; there are {', '.join(EXPORTS)}")
        if until <= since:
            raise HTTPException(422, "`until` must be after `since`")
        if verdict and verdict not in {style.key for style in VERDICTS}:
            raise HTTPException(422, "`verdict` is not one")
        if status and status not in STATUSES:
            raise HTTPException(422, "`status` is not one of a campaign")
        start = datetime.fromtimestamp(since, UTC)
        asked = Asked(
            Window(start, start + timedelta(seconds=until - since)),
            PageRequest(
                needle=q.replace("\0", "").strip(),
                verdict=verdict,
                sort=sort,
                descending=descending,
                page_rows=MAX_EXPORT_ROWS,
            ),
            _terms(scope),
            action=action,
            status=status,
            is_ranged=ranged,
            is_active_only=active,
        )
        async with room:
            try:
                rows = await found.read(marts, asked)
            except SearchError as mistake:
                raise HTTPException(422, str(mistake)) from None
            write = csv_file if kind is FileKind.CSV else parquet_file
            content = await asyncio.to_thread(write, found.row_type, rows)
        name = f"ja4-{table}-{start:%Y%m%dT%H%M}.{kind}"
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Row-Limit": str(MAX_EXPORT_ROWS),
        }
        return Response(content, media_type=MEDIA_TYPES[kind], headers=headers)

    return router


def _terms(scope: str) -> tuple[Term, ...]:
    try:
        return parse(scope)
    except SearchError as mistake:
        raise HTTPException(422, str(mistake)) from None
