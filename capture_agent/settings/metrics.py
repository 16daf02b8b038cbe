"""Section `[metrics]`: where the agent tells about itself."""

from __future__ import annotations

from capture_agent.settings.fields import Port, Section


class MetricsSettings(Section):
    """Address of `/metrics`, `/healthz` and `/readyz`."""

    address: str = "127.0.0.1"
    """Where metrics and health are served."""
    port: Port = 9469
    """0 serves no metrics."""
