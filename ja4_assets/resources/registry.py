"""The model registry as a Dagster resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from ja4_assets.ml.registry import Registry


class RegistryResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """MLflow, wherever its tracking URI points: a server, or a SQLite file in tests."""

    tracking_uri: str

    def open(self) -> Registry:
        """The registered models of this platform."""
        # Imported when a run needs it: MLflow and scikit-learn take 7 s to import, and the process that
        # only shows the assets in the UI must not wait for them.
        from ja4_assets.ml.registry import Registry

        return Registry(self.tracking_uri)
