"""Reference data as Dagster refreshes them: a failure is a yellow check, and the last good version stays."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from ja4_assets.defs.intel import REFERENCE_ASSETS
from ja4_assets.intel.catalogue import SOURCES
from ja4_assets.intel.store import maybe_active
from ja4_assets.resources.clickhouse import ClickHouseResource

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")

POSITION = [source.name for source in SOURCES].index("crawler_ranges")
CRAWLER_RANGES, ASSET = SOURCES[POSITION], REFERENCE_ASSETS[POSITION]


def refresh(database: ClickHouseResource, origin: str) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [ASSET],
        resources={"clickhouse": database},
        run_config={"ops": {ASSET.op.name: {"config": {"origin": origin}}}},
    )
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    return check


def test_the_default_loads_and_a_failed_refresh_keeps_it(
    database: ClickHouseResource, tmp_path: Path
) -> None:
    first = refresh(database, "default")
    loaded = maybe_active(database, CRAWLER_RANGES)
    assert loaded is not None
    assert first.passed
    failed = refresh(database, str(tmp_path / "absent.json"))
    assert not failed.passed
    assert failed.severity is dg.AssetCheckSeverity.WARN
    assert "absent.json" in str(failed.description)
    kept = maybe_active(database, CRAWLER_RANGES)
    assert kept is not None
    assert kept.version == loaded.version


def test_the_default_does_not_replace_what_was_fetched(database: ClickHouseResource, tmp_path: Path) -> None:
    prefixes = ", ".join(f'"192.0.{number // 256}.{number % 256}/32"' for number in range(600))
    file = tmp_path / "data.json"
    file.write_text(
        '{"sources": {"x": {"operator": "o", "label": "Bot", "ipv4": [' + prefixes + '], "ipv6": []}}}'
    )
    assert refresh(database, str(file)).passed
    refresh(database, "default")
    active = maybe_active(database, CRAWLER_RANGES)
    assert active is not None
    assert active.origin == str(file)
