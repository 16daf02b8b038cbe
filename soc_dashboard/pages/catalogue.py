"""Every page by its address."""

from __future__ import annotations

from soc_dashboard.pages.alerts import AlertsPage
from soc_dashboard.pages.asn import AsnPage
from soc_dashboard.pages.audit import AuditPage
from soc_dashboard.pages.campaign import CampaignPage
from soc_dashboard.pages.campaigns import CampaignsPage
from soc_dashboard.pages.compare import ComparePage
from soc_dashboard.pages.fingerprints import FingerprintsPage
from soc_dashboard.pages.host import HostPage
from soc_dashboard.pages.ip import IpPage
from soc_dashboard.pages.ja4 import Ja4Page
from soc_dashboard.pages.models import ModelsPage
from soc_dashboard.pages.overview import OverviewPage
from soc_dashboard.pages.requests import RequestsPage
from soc_dashboard.pages.sensors import SensorsPage
from soc_dashboard.pages.session import PageSession
from soc_dashboard.pages.settings import SettingsPage

PAGES: dict[str, type[PageSession]] = {
    "/": OverviewPage,
    "/alerts": AlertsPage,
    "/campaigns": CampaignsPage,
    "/cluster/{cid}": CampaignPage,
    "/requests": RequestsPage,
    "/fingerprints": FingerprintsPage,
    "/compare": ComparePage,
    "/sensors": SensorsPage,
    "/models": ModelsPage,
    "/settings": SettingsPage,
    "/audit": AuditPage,
    "/asn/{number}": AsnPage,
    "/ip/{address}": IpPage,
    "/host/{name}": HostPage,
    "/ja4/{fingerprint}": Ja4Page,
}
