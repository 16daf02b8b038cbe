"""Whether joins are right in production, by the requests of a canary."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from ja4_assets.resources.clickhouse import ClickHouseResource

WINDOW = timedelta(hours=1)
MIN_PRECISION = 0.999
MIN_RECALL = 0.995
MIN_REQUESTS = 1_000
"""Below, one wrong join alone would break MIN_PRECISION. A canary of default settings sends 3,600 an hour."""

ACCURACY = """
select
    sensor,
    sum(accuracy.requests) as requests,
    sum(accuracy.requests_right) as requests_right,
    sum(accuracy.requests_wrong) as requests_wrong,
    sum(accuracy.requests_unreported) as requests_unreported,
    requests_right / nullIf(requests_right + requests_wrong, 0) as precision,
    requests_right / nullIf(requests, 0) as recall
from fct_join_accuracy as accuracy
where minute >= {since:DateTime64(6, 'UTC')}
group by sensor
order by sensor
"""


@dg.asset_check(
    asset="fct_join_accuracy",
    description=(
        f"In the last hour at least {MIN_PRECISION:.1%} of a canary's joins were right and {MIN_RECALL:.1%} "
        f"of its requests were joined rightly, at every sensor that reported {MIN_REQUESTS:,} of them."
    ),
)
def joins_are_right(clickhouse: ClickHouseResource) -> dg.AssetCheckResult:
    """Passes, and says so, where no canary runs: nothing was measured."""
    sensors = clickhouse.read(ACCURACY, {"since": datetime.now(UTC) - WINDOW}).to_dicts()
    measured = [row for row in sensors if row["requests"] >= MIN_REQUESTS]
    faults = [
        f"{row['sensor']}: precision {_percent(row['precision'])}, recall {_percent(row['recall'])}"
        for row in measured
        if row["recall"] < MIN_RECALL or row["precision"] < MIN_PRECISION
    ]
    return dg.AssetCheckResult(
        passed=not faults,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(faults)
        or ("" if measured else f"no sensor reported {MIN_REQUESTS:,} requests of a canary in the last hour"),
        metadata={"sensors_measured": len(measured), "sensors": dg.MetadataValue.json(sensors)},
    )


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.3%}"
