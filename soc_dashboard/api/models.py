"""What the API answers. Times are RFC 3339 in UTC; ratios are 0..1, null where nothing was observed."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

Verdict = Literal["human", "good_bot", "suspicious", "bad_bot", "unknown"]


class Span(BaseModel):
    """Half-open span of time."""

    since: datetime
    until: datetime


class CodePointModel(BaseModel):
    """One TLS code point."""

    code: str = Field(description="four hexadecimal digits", examples=["1301"])
    name: str | None = Field(
        description="IANA name; null when not registered", examples=["TLS_AES_128_GCM_SHA256"]
    )


class HelloModel(BaseModel):
    """What the fingerprint says about the ClientHello."""

    tls_version: str = Field(examples=["TLS 1.3"])
    transport: str | None = Field(examples=["TCP"])
    sni_present: bool | None
    alpn: list[str]
    has_grease: bool | None
    has_ech: bool | None
    has_pq_group: bool | None
    hello_bytes: int | None
    cipher_suites: list[CodePointModel]
    extensions: list[CodePointModel]
    signature_algorithms: list[CodePointModel]
    supported_groups: list[CodePointModel]
    key_shares: list[CodePointModel]
    is_wire_order: bool = Field(
        description="lists are of the latest message, GREASE included; else of JA4_r, without groups"
    )
    ja4_r: str | None
    ja4_o: str | None
    ja3_hash: str | None
    ja3_hashes: int = Field(description="distinct JA3 hashes seen")
    tcp_signature: str | None


class VerdictCount(BaseModel):
    """Requests and entities of one verdict."""

    verdict: Verdict
    requests: int
    entities: int


class ReasonModel(BaseModel):
    """One feature among the strongest contributions to the scores."""

    feature: str
    value: float | None
    norm: float | None
    contribution: float
    entity_hours: int


class UserAgentModel(BaseModel):
    """One user agent seen with the fingerprint."""

    user_agent: str
    ua_family: str
    requests: int
    clients: int
    contradictions: list[str]


class ClientModel(BaseModel):
    """One client address that used the fingerprint."""

    client_ip: str = Field(description="IPv4 dotted, IPv6 as in RFC 5952")
    requests: int
    hosts: int
    verdict: Verdict
    score: float | None = Field(description="share of training scores below, 0..1")
    reason: str
    last_seen: datetime


class RequestModel(BaseModel):
    """One request of the log."""

    ts: datetime
    sensor: str
    client_ip: str
    method: str
    host: str | None
    path: str
    protocol: str
    status: int
    user_agent: str | None
    join_state: str
    ja4: str | None
    conn_id: str = Field(description="64-bit number as text: JSON numbers lose its last digits")


class EntityModel(BaseModel):
    """Client, stable JA4 and host over a span, judged by its most telling hour."""

    client_ip: str
    ja4_stable: str = Field(description="empty for requests whose handshake was not seen")
    host: str
    requests: int
    verdict: Verdict
    verdict_source: str
    verdict_source_id: str
    score: float | None = Field(description="share of training scores below, 0..1")
    reason: str
    user_agent: str
    last_seen: datetime


class SubjectModel(BaseModel):
    """Figures of one subject over a span of time."""

    as_of: datetime
    span: Span
    requests: int
    clients: int
    fingerprints: int
    hosts: int
    user_agents: int
    errors_4xx: int = Field(description="requests answered with a 4xx status, of whole hours")
    bot_ratio: float | None = Field(description="requests judged good or bad bot, of all requests")
    median_score: float | None
    scored_entity_hours: int
    entity_hours: int
    verdicts: list[VerdictCount]
    reasons: list[ReasonModel]
    claimed_user_agents: list[UserAgentModel]


class Ja4Model(SubjectModel):
    """One fingerprint over a span of time."""

    fingerprint: str = Field(description="as asked: an exact JA4 or a ja4_stable")
    ja4_stable: str
    variants: list[str] = Field(description="exact JA4 seen, commonest first")
    known_client: str | None
    first_seen: datetime
    last_seen: datetime
    top_clients: list[ClientModel] = Field(description="the ten worst")
    newest_requests: list[RequestModel] = Field(description="the ten newest")
    hello: HelloModel


class IpModel(SubjectModel):
    """One client address over a span of time."""

    client_ip: str = Field(description="IPv4 dotted, IPv6 as in RFC 5952")
    top_entities: list[EntityModel] = Field(description="the ten worst")
    newest_requests: list[RequestModel] = Field(description="the ten newest")


class HostModel(SubjectModel):
    """One host over a span of time."""

    host: str
    top_entities: list[EntityModel] = Field(description="the ten worst")
    newest_requests: list[RequestModel] = Field(description="the ten newest")


class EntityPage(BaseModel):
    """Judged entities, worst first."""

    as_of: datetime
    span: Span
    total: int
    entities: list[EntityModel]


class RequestPage(BaseModel):
    """Requests that match a query, newest first."""

    as_of: datetime
    span: Span
    query: str
    total: int = Field(description="requests that match, counted up to 100 000")
    is_total_limited: bool = Field(description="there may be more than `total`")
    requests: list[RequestModel]


class JoinAccuracyModel(BaseModel):
    """How right the joins of one sensor were in the last hour, by the requests of a canary."""

    sensor: str
    as_of: datetime = Field(description="newest minute that is counted")
    requests: int = Field(description="requests of the canary that the sensor was told of")
    requests_unreported: int = Field(description="requests of the canary that no sensor was told of")
    precision: float | None = Field(description="right joins, of all joins; null if none was joined")
    recall: float | None = Field(description="right joins, of `requests`")


class HealthModel(BaseModel):
    """State of the dashboard and its database."""

    status: Literal["ok", "stale", "empty", "schema_mismatch"]
    newest_request: datetime | None
    newest_age_s: float | None
    missing_columns: list[str] = Field(
        description="mart columns that this version reads and the database lacks"
    )
    join_accuracy: list[JoinAccuracyModel] = Field(description="by sensor; empty where no canary runs")
