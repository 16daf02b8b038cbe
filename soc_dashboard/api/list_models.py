"""What the API's lists hold: alerts, campaigns, fingerprints, sensors, labels, settings, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from soc_dashboard.api.models import EntityModel, RequestModel, Span, SubjectModel


class Page(BaseModel):
    """One page of a list over a span of time."""

    as_of: datetime
    span: Span
    total: int


class AlertModel(EntityModel):
    """An entity that waits for a decision, by its worst hour in the span."""

    hours: int = Field(description="hours in which it was judged suspicious or bad bot")
    suspicion: float = Field(description="what rules and model say against it, 0..1, in its worst hour")
    first_seen: datetime
    asn: int = Field(description="0 if unknown")
    country: str


class AlertPage(Page):
    """The review queue, most suspicious first."""

    query: str
    alerts: list[AlertModel]


class FingerprintModel(BaseModel):
    """One stable JA4 over the span."""

    ja4_stable: str
    known_client: str | None
    requests: int
    clients: int
    hosts: int
    user_agents: int
    bot_requests: int = Field(description="requests judged good or bad bot")
    score: float | None = Field(description="share of training scores below, 0..1")
    last_seen: datetime


class FingerprintPage(Page):
    """Fingerprints seen in the span, busiest first."""

    fingerprints: list[FingerprintModel]


class AsnModel(SubjectModel):
    """One network (autonomous system) over a span of time."""

    asn: int
    kind: str = Field(description="hosting, isp, mobile, education, or empty if unknown")
    connections: int
    top_entities: list[EntityModel] = Field(description="the ten worst")
    newest_requests: list[RequestModel] = Field(description="the ten newest")


class SensorModel(BaseModel):
    """What one sensor counted in the span."""

    sensor: str
    newest: datetime
    frames_seen: int
    frames_dropped_kernel: int
    http_events_seen: int
    http_events_lost: int
    http_events_dropped: int
    requests_matched: int
    requests_tls: int
    hellos: int
    hellos_unused: int


class OverviewModel(BaseModel):
    """The figures of the overview."""

    as_of: datetime
    span: Span
    requests: int
    bot_ratio: float | None = Field(description="requests judged good or bad bot, of all requests")
    suspicious_entities: int
    new_suspicious_entities: int = Field(description="not so judged in the seven days before the span")
    capture_loss_ratio: float | None = Field(description="frames that the kernel dropped, of all frames")
    join_ratio: float | None = Field(description="TLS requests joined with their hello, of all TLS requests")
    sensors: list[SensorModel]


class LabelTargetModel(BaseModel):
    """What a label is about. Fields that the scope does not use are ignored."""

    client_ip: str | None = Field(default=None, max_length=60)
    ja4: str | None = Field(default=None, max_length=255, description="stable JA4")
    host: str | None = Field(default=None, max_length=255)


Scope = Literal["entity", "client_ip", "ja4_stable"]
LabelName = Literal["human", "good_bot", "bad_bot", "unknown"]


class TargetsModel(BaseModel):
    """What labels are to be about."""

    scope: Scope
    targets: list[LabelTargetModel] = Field(min_length=1, max_length=500)


class NewLabelsModel(TargetsModel):
    """Labels to give, one for each target."""

    label: LabelName
    note: str = Field(default="", max_length=1000)
    expires_at: datetime | None = Field(default=None, description="null for never")


class LabelModel(BaseModel):
    """The last state of one label."""

    label_id: UUID
    labelled_at: datetime
    user: str
    scope: str
    client_ip: str | None
    ja4: str | None
    host: str | None
    label: str
    note: str
    expires_at: datetime | None
    is_revoked: bool
    is_active: bool


class GivenLabelModel(BaseModel):
    """A label as it was just written."""

    label_id: UUID
    about: str
    label: str


class GivenLabelsModel(BaseModel):
    """Labels that were just given."""

    labels: list[GivenLabelModel]


class LabelPage(BaseModel):
    """Labels of all time, newest first."""

    as_of: datetime
    total: int
    labels: list[LabelModel]


class TouchedModel(BaseModel):
    """Entities and requests of one present verdict that labels would touch."""

    verdict: str
    entities: int
    requests: int


class LabelPreviewModel(BaseModel):
    """What labels would touch."""

    as_of: datetime
    span: Span
    entities: int
    requests: int
    humans: int = Field(description="entities among them that are judged human now")
    verdicts: list[TouchedModel]


class SettingModel(BaseModel):
    """One threshold of the detection."""

    name: str
    value: float = Field(description="the default where nobody set it")
    low: float
    high: float
    default: float
    set_at: datetime | None
    user: str | None
    note: str


class SettingList(BaseModel):
    """The thresholds."""

    settings: list[SettingModel]


class AuditModel(BaseModel):
    """One thing that somebody did."""

    at: datetime
    user: str
    action: str
    target: str
    details: str


class AuditPage(Page):
    """The audit log, newest first."""

    entries: list[AuditModel]


class LookupModel(BaseModel):
    """One decision about a client, from memory."""

    as_of: datetime = Field(description="when the decisions were read from the database")
    age_s: float
    client_ip: str | None
    ja4: str | None
    verdict: Literal["human", "good_bot", "suspicious", "bad_bot", "unknown"]
    matched_on: Literal["client_and_ja4", "client_ip", "ja4", "nothing"]
    source: str = Field(description="analyst, rule, model …; empty where nothing decided")
    source_id: str
    reason: str
    last_seen: datetime | None


class MeModel(BaseModel):
    """Who asks."""

    name: str
    role: Literal["viewer", "analyst", "admin"]
    scopes: list[str] | None = Field(description="of the token; null for a signed-in browser")
    csrf_token: str = Field(description="for the header X-CSRF-Token of writing requests; empty for a token")
