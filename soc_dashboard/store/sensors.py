"""The sensors: their books, how right their joins are, and how both went over time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from soc_dashboard.store.database import MartDatabase
from soc_dashboard.store.overview import span_parameters
from soc_dashboard.store.rows import JoinAccuracy
from soc_dashboard.store.sensor_rows import JoinBucket, SensorBooks
from soc_dashboard.window import Window

MAX_SENSORS = 200


@dataclass(frozen=True, slots=True)
class SensorReading:
    """One reading of the sensors page."""

    sensors: tuple[SensorBooks, ...]
    """Those that reported in the window or in the week before it; at most MAX_SENSORS."""
    joins: tuple[JoinAccuracy, ...]
    """Of the window; empty where no canary runs."""
    timeline: tuple[JoinBucket, ...]


async def read_sensors(marts: MartDatabase, window: Window) -> SensorReading:
    """Read everything; raises StoreFailedError."""
    span = span_parameters(window)
    sensors, joins, timeline = await asyncio.gather(
        marts.fetch("sensor_books", SensorBooks, {**span, "limit": MAX_SENSORS}),
        marts.fetch("join_accuracy", JoinAccuracy, span),
        marts.fetch("join_timeline", JoinBucket, {**span, "bucket_s": window.bucket_s}),
    )
    return SensorReading(tuple(sensors), tuple(joins), tuple(timeline))
