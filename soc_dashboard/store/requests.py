"""The request log: one page of it, how much there is, its timeline, and one request whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from soc_dashboard.search.conditions import conditions
from soc_dashboard.search.fields import Grain
from soc_dashboard.search.terms import Term
from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import PageRequest, span_parameters
from soc_dashboard.store.rows import RequestCount, RequestDetail, RequestRow, StatusBucket
from soc_dashboard.window import Window

NEWEST_SPAN = timedelta(hours=1)
"""The newest requests are looked for here first: a page of a busy log is found without reading the rest."""
COUNT_LIMIT = 100_000
"""Matching requests are counted up to here; a person pages through fewer, a search narrows more."""

ORDERS = {
    ("", True): "",
    ("ts", True): "",
    ("ts", False): "ts asc,",
    ("status", True): "status desc,",
    ("status", False): "status asc,",
    ("bytes", True): "ifNull(response_bytes, 0) desc,",
    ("bytes", False): "ifNull(response_bytes, 0) asc,",
}
"""Column and direction -> what comes before the newest-first order of the query."""


async def read_requests(
    marts: MartDatabase, terms: Sequence[Term], window: Window, wanted: PageRequest
) -> list[RequestRow]:
    """One page of the requests that match, newest first unless `wanted` says otherwise.

    Raises SearchError for a term that requests do not know, StoreFailedError when the read fails.
    """
    search = conditions(terms, Grain.REQUEST)
    order = ORDERS.get((wanted.sort, wanted.descending), "")

    async def read(span: Window) -> list[RequestRow]:
        return await marts.fetch(
            "request_log",
            RequestRow,
            {**span_parameters(span), **wanted.page_parameters(), **search.parameters},
            {"search": search.sql, "order": order},
        )

    if not order and window.length > NEWEST_SPAN:
        newest = await read(Window(window.until - NEWEST_SPAN, window.until))
        if len(newest) == wanted.page_rows:
            return newest
    return await read(window)


async def count_requests(marts: MartDatabase, terms: Sequence[Term], window: Window) -> int:
    """Requests that match, at most COUNT_LIMIT; that many mean at least that many."""
    search = conditions(terms, Grain.REQUEST)
    counted = await marts.fetch(
        "request_count",
        RequestCount,
        {**span_parameters(window), **search.parameters, "most": COUNT_LIMIT},
        {"search": search.sql},
    )
    return counted[0].requests


async def read_request_timeline(
    marts: MartDatabase, terms: Sequence[Term], window: Window
) -> list[StatusBucket]:
    """Requests that match per bar of the window and class of status code."""
    search = conditions(terms, Grain.REQUEST)
    return await marts.fetch(
        "request_timeline",
        StatusBucket,
        {**span_parameters(window), **search.parameters, "bucket_s": window.bucket_s},
        {"search": search.sql},
    )


async def maybe_request(
    marts: MartDatabase, ts_us: int, conn_id: int, request_seq_on_conn: int
) -> RequestDetail | None:
    """One request by its key; None when the mart no longer has it."""
    key = {"ts_us": ts_us, "conn_id": conn_id, "request_seq_on_conn": request_seq_on_conn}
    found = await marts.fetch("request", RequestDetail, key)
    return found[0] if found else None
