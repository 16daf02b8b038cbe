"""Entity hours that analysts labelled: what the review queue learns from, and what models may be measured
on."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import polars as pl
import pyarrow as pa

from ja4_assets.features.frame import (
    KEY_COLUMNS,
    SUFFICIENT_ENTITY_HOURS,
    arrow_to_frame,
    check_entity_hours,
)

BAD = "bad_bot"

LABELLED = """
select
    toDateTime64(hour, 6, 'UTC') as hour,
    toString(client_ip) as client_ip,
    toString(ja4_stable) as ja4_stable,
    toString(host) as host,
    label,
    toString(label_id) as label_id,
    toString(scope) as scope,
    toString(user) as user,
    labelled_at,
    expires_at,
    machine_verdict
from fct_labelled_entity_hour as labelled
where
    labelled.hour >= {start:DateTime64(6, 'UTC')} and labelled.hour < {end:DateTime64(6, 'UTC')}
    and labelled.is_sufficient
order by
    labelled.labelled_at desc, labelled.label_id, labelled.hour desc,
    labelled.client_ip, labelled.ja4_stable, labelled.host
limit {max_per_label:UInt32} by labelled.label_id
limit {max_rows:UInt64}
"""
"""Grain: entity hour. A label that covers much, as one of a whole JA4 does, gives its newest hours only: it
is one opinion, however many entities it is about. `machine_verdict` is what rules and models had said: a
label that was given because of an alert measures precision and not recall."""

KEYS_OF_LABELLED = """(entity.hour, entity.client_ip, entity.ja4_stable, entity.host) in (
        select hour, client_ip, ja4_stable, host
        from fct_labelled_entity_hour
        where hour >= {start:DateTime64(6, 'UTC')} and hour < {end:DateTime64(6, 'UTC')}
    )
    and """
PLACE = "    entity.is_sufficient\n"
FEATURES_OF_LABELLED = SUFFICIENT_ENTITY_HOURS.replace(PLACE, "    " + KEYS_OF_LABELLED + PLACE.lstrip())
"""The model's own query, for labelled entity hours alone."""

MAX_PER_LABEL = 50
MAX_ROWS = 5_000


class LabelReader(Protocol):
    """The one method of a clickhouse-connect client that reading labels needs."""

    def query_arrow(self, query: str, parameters: dict[str, object]) -> pa.Table:
        """Run a query and return its result as an Arrow table."""
        ...


def read_labelled(client: LabelReader, start: datetime, end: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labelled entity hours with `start <= hour < end`, and their features; two frames in the same order.

    The first has the columns of LABELLED, the second those of `features.frame.ENTITY_HOUR_SCHEMA`. Labels
    that were revoked or have expired are not in it. Raises SchemaMismatchError.
    """
    window: dict[str, object] = {"start": start, "end": end}
    bounds: dict[str, object] = {"max_per_label": MAX_PER_LABEL, "max_rows": MAX_ROWS}
    labelled = arrow_to_frame(client.query_arrow(LABELLED, parameters=window | bounds))
    everything: dict[str, object] = {"max_rows": 2**62}
    features = arrow_to_frame(client.query_arrow(FEATURES_OF_LABELLED, parameters=window | everything))
    both = labelled.select(KEY_COLUMNS).join(check_entity_hours(features), on=KEY_COLUMNS, how="inner")
    kept = labelled.join(both.select(KEY_COLUMNS), on=KEY_COLUMNS, how="semi").sort(KEY_COLUMNS)
    return kept, both.sort(KEY_COLUMNS)
