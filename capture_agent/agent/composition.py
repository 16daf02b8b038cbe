"""From settings to parts: the only place that knows which setting goes where."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from capture_agent import compiled
from capture_agent.canary.secret import canary_key
from capture_agent.correlate.correlator import CorrelatorLimits
from capture_agent.correlate.epochs import EpochLimits
from capture_agent.flows.limits import FlowLimits
from capture_agent.intake.normal_form import NormalForm
from capture_agent.pipeline import PipelineSettings
from capture_agent.ports import EventSink, SinkError
from capture_agent.rows.client_names import ClientNames
from capture_agent.settings.whole import Settings
from capture_agent.sink.batch import BatchLimits
from capture_agent.sink.clickhouse import (
    ClickHouseSink,
    Clock,
    InsertFailed,
    RetryPolicy,
    insert_with_retries,
)
from capture_agent.sink.json_lines import JsonLinesSink, open_json_lines
from capture_agent.sink.schema import check_schema

if TYPE_CHECKING:
    from capture_agent.sink.clickhouse_client import ClickHouseInserter

US_PER_MS = 1_000
US_PER_S = 1_000_000


class UnknownSink(ValueError):  # noqa: N818 - named for the setting that it refuses
    """A sink that cannot be made from what was given; the text says why."""


def normal_form(settings: Settings) -> NormalForm:
    """What the intake keeps, and by what it knows a canary. Raises UnusableSecret."""
    kept = settings.requests
    secret = None if kept.canary_secret is None else kept.canary_secret.get_secret_value()
    key = canary_key(secret, kept.canary_secret_file)
    return NormalForm(
        kept.kept_headers,
        kept.store_query,
        kept.tls_ports,
        key,
        compiled.header_splitter(),
        tells_addresses=settings.privacy.pseudonym_key_file is None,
    )


def pipeline_settings(
    settings: Settings, run_id: int, clients: ClientNames, *, has_requests: bool
) -> PipelineSettings:
    """Names and bounds of the pure half; `has_requests`: a server reports its requests.

    Raises UnusableSecret.
    """
    join = settings.join
    return PipelineSettings(
        sensor=settings.agent.sensor,
        site=settings.agent.site,
        run_id=run_id,
        trusts_proxy_header=join.proxy_protocol,
        flows=FlowLimits(
            max_flows=join.max_connections,
            cleartext_ports=settings.cleartext_ports(has_requests=has_requests),
        ),
        correlator=CorrelatorLimits(
            wait_us=join.wait_ms * US_PER_MS,
            tolerance_us=join.clock_tolerance_us,
            clock_offset_us=join.clock_offset_us,
            max_waiting=join.max_waiting,
            epochs=EpochLimits(max_epochs=2 * join.max_connections, idle_us=join.idle_s * US_PER_S),
        ),
        clients=clients,
        request_row=compiled.maybe_http_row_writer(settings.agent.sensor, settings.agent.site, clients),
        normal_form=normal_form(settings).of,
    )


def sink_openers(
    names: Sequence[str], settings: Settings, say: Callable[[str], None], stdout: BinaryIO
) -> list[Callable[[], EventSink]]:
    """What opens each named sink for a recording. Raises UnknownSink; the openers raise SinkError."""
    return [_sink_opener(name, settings, say, stdout) for name in names]


def _sink_opener(
    name: str, settings: Settings, say: Callable[[str], None], stdout: BinaryIO
) -> Callable[[], EventSink]:
    kind, _, target = name.partition(":")
    if name == "stdout":
        return lambda: JsonLinesSink(stdout, closes_file=False)
    if kind == "jsonl" and target:
        return lambda: open_json_lines(Path(target))
    if name != "clickhouse":
        raise UnknownSink(f"--sink {name}: choose clickhouse, jsonl:PATH or stdout")
    inserter = clickhouse_inserter(settings)
    return lambda: open_clickhouse(inserter, settings, say)


def clickhouse_inserter(settings: Settings) -> ClickHouseInserter:
    """The database of the settings; it is not asked for anything yet. Raises UnknownSink."""
    url = clickhouse_url(settings)
    if url is None:
        raise UnknownSink("--sink clickhouse needs --clickhouse-url or JA4_CLICKHOUSE_URL")
    # Not imported at the top: it takes longer to load than a small recording to replay.
    from capture_agent.sink.clickhouse_client import ClickHouseInserter

    try:
        return ClickHouseInserter(url)
    except ValueError as error:
        raise UnknownSink(str(error)) from error


def clickhouse_url(settings: Settings) -> str | None:
    """URL of the database, None without one. Raises UnknownSink if the file that holds it cannot be read."""
    try:
        return settings.clickhouse.maybe_url()
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownSink(f"clickhouse.url_file: {error}") from error


def open_clickhouse(
    inserter: ClickHouseInserter, settings: Settings, say: Callable[[str], None]
) -> EventSink:
    """Wait until the database answers, and refuse one with another schema. Raises SinkError."""
    clock = Clock(time.monotonic, time.sleep)
    retry = RetryPolicy(settings.delivery.insert_deadline_s)
    try:
        insert_with_retries(lambda: check_schema(inserter), clock, say, retry)
    except InsertFailed as error:
        raise SinkError(f"ClickHouse: {error.reason}; nothing was written") from error
    limits = BatchLimits(settings.delivery.batch_rows, settings.delivery.batch_bytes)
    return ClickHouseSink(inserter, clock, say, limits, retry)
