"""Rows of the reads, one struct per file of `queries/`; field names are the column names of the SELECT."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all rows."""


class Extent(Row, frozen=True, kw_only=True):
    """data_extent: time of the oldest and newest request minute; None when there are no requests."""

    oldest: datetime | None
    newest: datetime | None


class VerdictBucket(Row, frozen=True, kw_only=True):
    """verdict_timeline: requests of one verdict in one bar."""

    bucket_s: int
    """Start of the bar, seconds since the epoch."""
    verdict: str
    requests: int


class VerdictTotal(Row, frozen=True, kw_only=True):
    """verdict_totals: requests and entities of one verdict in the window."""

    verdict: str
    requests: int
    entities: int


class NewSuspects(Row, frozen=True, kw_only=True):
    """new_suspicious_entities: entities judged suspicious or bad bot in the window and not in "
    "the days before."""

    entities: int
    suspicious: int
    """All entities judged suspicious or bad bot in the window: the denominator."""


class SensorLedger(Row, frozen=True, kw_only=True):
    """sensor_ledger: what one sensor counted in the window."""

    sensor: str
    newest: datetime
    frames_seen: int
    frames_dropped_kernel: int
    http_events_seen: int
    http_events_lost: int
    http_events_dropped: int
    requests_matched: int
    requests_tls: int
    """All requests over TLS: matched, ambiguous, midstream and no_hello."""
    hellos: int
    hellos_unused: int


class JoinAccuracy(Row, frozen=True, kw_only=True):
    """join_accuracy: the joins of a canary's requests at one sensor, within an hour."""

    sensor: str
    newest: datetime
    requests: int
    """Requests of the canary that the sensor was told of: the denominator."""
    requests_right: int
    requests_wrong: int
    requests_unreported: int
    """Requests of the canary that no sensor was told of."""

    @property
    def precision(self) -> float | None:
        """Right joins, of all joins; None if none was joined."""
        joined = self.requests_right + self.requests_wrong
        return self.requests_right / joined if joined else None

    @property
    def recall(self) -> float | None:
        """Right joins, of all requests; None without any."""
        return self.requests_right / self.requests if self.requests else None


class HostLoad(Row, frozen=True, kw_only=True):
    """top_hosts: requests of one host, and how many of them came from suspicious entities and bad bots."""

    host: str
    requests: int
    hostile_requests: int
    entities: int


class TopValue(Row, frozen=True, kw_only=True):
    """subject_top: one value of a column, by the requests of the entities that have it."""

    value: str
    """Empty where it is not known."""
    requests: int
    hostile_requests: int
    clients: int
    total: int
    """Distinct values."""


class Contribution(Row, frozen=True, kw_only=True):
    """What one feature added to the anomaly score of an entity hour."""

    name: str
    value: float | None
    norm: float | None
    """The training median."""
    contribution: float


class Entity(Row, frozen=True, kw_only=True):
    """entities: one (client_ip, ja4_stable, host) over the window, worst hour first."""

    client_ip: str
    ja4_stable: str
    host: str
    requests: int
    verdict: str
    verdict_source: str
    verdict_source_id: str
    reason: str
    score: float | None
    """Highest `score_quantile` of its hours: the share of training scores below it, 0..1."""
    top_features: list[Contribution]
    """Of its highest-scored hour, strongest first; empty when it was not scored."""
    evidence: dict[str, str]
    """Columns that the decision of its worst hour went by, with their values."""
    user_agent: str
    last_ts: datetime
    total: int
    """Entities that match, over all pages."""


class Fingerprint(Row, frozen=True, kw_only=True):
    """fingerprint: the row of dim_ja4."""

    ja4_stable: str
    first_seen: datetime
    last_seen: datetime
    requests: int
    hellos: int
    variants: list[str]
    ja4_r: str | None
    ja4_o: str | None
    ja3_hash: str | None
    ja3_hashes: int
    tls_version: int | None
    alpn: list[str]
    has_grease: bool | None
    has_ech: bool | None
    has_pq_group: bool | None
    hello_len: int | None
    segments: int | None
    tcp_signature: str | None
    known_client: str | None
    hello_skeleton: str | None
    """The latest hello in base64, its keys and random values zeroed."""


class SubjectHour(Row, frozen=True, kw_only=True):
    """subject_hours: one hour of the subject of a page."""

    hour_s: int
    requests: int
    clients: int
    fingerprints: int
    hosts: int
    user_agents: int
    errors_4xx: int
    bot_requests: int
    median_score: float | None


class SubjectTotals(Row, frozen=True, kw_only=True):
    """subject_totals: the subject of a page over the window."""

    requests: int
    clients: int
    fingerprints: int
    hosts: int
    user_agents: int
    errors_4xx: int
    bot_requests: int
    scored_entities: int
    entities: int
    median_score: float | None
    first_ts: datetime | None
    last_ts: datetime | None


class HelloHour(Row, frozen=True, kw_only=True):
    """fingerprint_hellos: handshakes of one ja4_stable in one hour."""

    hour_s: int
    hellos: int
    hellos_unused: int


class ClientRow(Row, frozen=True, kw_only=True):
    """fingerprint_clients: one client address under one ja4_stable."""

    client_ip: str
    requests: int
    hosts: int
    verdict: str
    reason: str
    score: float | None
    last_ts: datetime
    total: int


class FeatureReason(Row, frozen=True, kw_only=True):
    """subject_reasons: one feature among the top contributions to the scores of the subject of a page."""

    name: str
    value: float | None
    """Median over the entity hours in whose top five it is."""
    norm: float | None
    """What the model's training population has."""
    contribution: float
    """Mean contribution to the anomaly score, over all scored entity hours."""
    entity_hours: int
    scored_entity_hours: int


class ClaimedClient(Row, frozen=True, kw_only=True):
    """subject_user_agents: one user agent of the subject of a page, and what contradicts it."""

    user_agent: str
    ua_family: str
    requests: int
    clients: int
    contradictions: list[str]
    """Names of the contradiction features that were above zero."""
    total: int


class RequestRow(Row, frozen=True, kw_only=True):
    """request_log: one request of the log."""

    ts: datetime
    client_ip: str
    method: str
    host: str | None
    path: str
    protocol: str
    status: int
    user_agent: str | None
    join_state: str
    ja4: str | None
    conn_id: int
    request_seq_on_conn: int
    sensor: str


class RequestDetail(RequestRow, frozen=True, kw_only=True):
    """request: one request with everything the mart keeps of it, and the verdict of its entity's hour."""

    peer_ip: str
    scheme: str
    response_bytes: int | None
    duration_us: int | None
    ua_family: str
    referer: str | None
    header_names: list[str]
    header_order_hash: str | None
    join_confidence: float
    ja4_stable: str
    asn: int
    """0 if unknown."""
    asn_kind: str
    country: str
    cloud: str
    crawler_state: str
    verdict: str
    reason: str


class RequestCount(Row, frozen=True, kw_only=True):
    """request_count: requests that match, up to the limit asked for."""

    requests: int


class StatusBucket(Row, frozen=True, kw_only=True):
    """request_timeline: requests of one class of status codes in one bar."""

    bucket_s: int
    """Start of the bar, seconds since the epoch."""
    status_class: int
    """Hundreds of the status code."""
    requests: int


class FingerprintLoad(Row, frozen=True, kw_only=True):
    """fingerprint_list: one ja4_stable over the window."""

    ja4_stable: str
    known_client: str | None
    requests: int
    clients: int
    hosts: int
    user_agents: int
    bot_requests: int
    score: float | None
    last_ts: datetime
    total: int


class LabelRow(Row, frozen=True, kw_only=True):
    """labels: the last state of one label."""

    label_id: UUID
    labelled_at: datetime
    first_labelled_at: datetime
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
    total: int


class TouchedVerdict(Row, frozen=True, kw_only=True):
    """label_preview: entities of one verdict that a label would touch."""

    verdict: str
    entities: int
    clients: int
    requests: int


class TouchedHuman(Row, frozen=True, kw_only=True):
    """touched_humans: one entity that is judged human now and that a label would touch."""

    client_ip: str
    host: str
    requests: int
    is_labelled: bool
    """An analyst said so."""
    labelled: int
    """Entities in scope that an analyst called human."""


class AuditRow(Row, frozen=True, kw_only=True):
    """audit: one action."""

    at: datetime
    user: str
    action: str
    target: str
    details: str
    total: int


class MartColumn(Row, frozen=True, kw_only=True):
    """mart_columns: one column that exists in the connected database."""

    mart: str
    column: str
