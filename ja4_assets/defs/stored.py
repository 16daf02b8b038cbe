"""Tables that models read and no asset materialises: arrivals, reference data, what analysts said."""

import dagster as dg

from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage.engines import Topology

TABLES = {
    "agg_ja4_seen": ("arrival", "When each stable JA4 was seen, kept as hellos and requests arrive."),
    "agg_first_seen": ("arrival", "First sightings, kept as requests arrive."),
    "agg_requests_minute": ("arrival", "Requests by minute, kept as they arrive."),
    "agg_requests_hour": ("arrival", "Requests by hour, kept as they arrive."),
    "agg_requests_day": ("arrival", "Requests by day, kept as they arrive."),
    "intel_disallowed_paths": ("intel", "Paths that robots.txt forbids; reference_robots writes it."),
    "intel_sources": ("intel", "Versions of the reference data; the assets reference_* write it."),
    "model_versions": ("models", "Every state of every model version; training and promotion append to it."),
    "model_evaluations": ("models", "What was measured of models; training and the promise append to it."),
    "analyst_labels": ("analyst", "What analysts said; the dashboard appends to it."),
    "audit_log": ("analyst", "What analysts did; the dashboard appends to it."),
    "detection_settings": ("analyst", "Thresholds that people set; the dashboard appends to it."),
}
"""Table -> group and description."""

ROWS = """
select ifNull(total_rows, 0) as rows, ifNull(total_bytes, 0) as bytes
from system.tables
where database = currentDatabase() and name = {table:String}
"""


def _observed(table: str, group: str, description: str) -> dg.SourceAsset:
    @dg.observable_source_asset(name=table, group_name=group, description=description)
    def observe(clickhouse: ClickHouseResource) -> dg.ObserveResult:
        # On a cluster this server's part of the table: the Distributed one over all has no rows of its own.
        local = Topology.from_environment().local_name(table)
        size = clickhouse.read(ROWS, {"table": local}).row(0, named=True)
        return dg.ObserveResult(
            metadata={"dagster/row_count": size["rows"], "bytes_on_disk": size["bytes"]},
            data_version=dg.DataVersion(f"{size['rows']}:{size['bytes']}"),
        )

    return observe


STORED_ASSETS = [_observed(table, group, description) for table, (group, description) in TABLES.items()]
