"""How many hours one run takes on, and a longer span cut into such runs."""

from __future__ import annotations

from datetime import datetime, timedelta

RUN_HOURS = 6
"""Most hours that one run builds, scores and judges, whoever asks for them.

dbt builds a model's hours in one statement, and the database's memory for it grows with them: about 0.8 GB
for each hour of 300,000 requests, so that six stay within a machine of 8 GB. Rejected: one hour a run, for
each pays dbt's start anew (4 s).
"""

FEW_REQUESTS = RUN_HOURS * 300_000
"""With no more requests than this, a span of any length needs no more memory than a run of RUN_HOURS."""
FEW_REQUESTS_TAG = "ja4/few_requests"
"""On a run whose starter counted the requests of its hours: it may take on more than RUN_HOURS."""

HOUR = timedelta(hours=1)


def runs_of(first: datetime, last: datetime) -> list[tuple[datetime, datetime]]:
    """The hours from `first` to `last`, both included, as runs (first hour, last hour), oldest first.

    The order matters: features of an hour look back over the day before it.
    """
    count = int((last - first) / HOUR) + 1
    starts = [first + HOUR * number for number in range(0, count, RUN_HOURS)]
    return [(start, min(start + HOUR * (RUN_HOURS - 1), last)) for start in starts]
