"""All sections together."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from capture_agent.settings.agent import AgentSettings
from capture_agent.settings.capture import CaptureSettings
from capture_agent.settings.cleartext_http import CleartextHttpSettings
from capture_agent.settings.clickhouse import ClickHouseSettings
from capture_agent.settings.delivery import DeliverySettings
from capture_agent.settings.fields import Section
from capture_agent.settings.http import HttpSource
from capture_agent.settings.join import JoinSettings
from capture_agent.settings.metrics import MetricsSettings
from capture_agent.settings.privacy import PrivacySettings
from capture_agent.settings.requests import RequestSettings
from capture_agent.settings.sinks import SinkKind, SinkSettings
from capture_agent.settings.spool import SpoolSettings

DEFAULT_SINKS = (SinkSettings(type=SinkKind.CLICKHOUSE),)


class Settings(Section):
    """Everything an operator can choose; each field is a section of the file."""

    agent: AgentSettings = AgentSettings()
    capture: CaptureSettings = CaptureSettings()
    requests: RequestSettings = RequestSettings()
    privacy: PrivacySettings = PrivacySettings()
    http: tuple[HttpSource, ...] = ()
    cleartext_http: CleartextHttpSettings = CleartextHttpSettings()
    join: JoinSettings = JoinSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    delivery: DeliverySettings = DeliverySettings()
    sinks: Annotated[tuple[SinkSettings, ...], Field(min_length=1)] = DEFAULT_SINKS
    spool: SpoolSettings = SpoolSettings()
    metrics: MetricsSettings = MetricsSettings()

    @property
    def captured_ports(self) -> frozenset[int]:
        """Server ports that are captured; all if there are none."""
        if self.capture.ports is not None:
            return self.capture.ports
        return self.requests.tls_ports | self.cleartext_ports(has_requests=bool(self.http))

    def cleartext_ports(self, *, has_requests: bool) -> frozenset[int]:
        """Server ports on which cleartext HTTP is read; `has_requests`: a server reports its requests."""
        is_enabled = self.cleartext_http.enabled
        is_read = not has_requests if is_enabled is None else is_enabled
        return self.cleartext_http.ports if is_read else frozenset()
