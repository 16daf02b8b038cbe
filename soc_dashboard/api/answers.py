"""Readings of the store as the API's models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from soc_dashboard.api import models
from soc_dashboard.components.states import STALE_AFTER
from soc_dashboard.decoded_hello import CodePoint, maybe_decoded, maybe_prefix
from soc_dashboard.registry import version_name
from soc_dashboard.store.fingerprint import FingerprintReading
from soc_dashboard.store.rows import ClientRow, Fingerprint, JoinAccuracy, RequestRow
from soc_dashboard.verdicts import BOTS


def health_answer(
    newest: datetime | None, missing: list[str], joins: Sequence[JoinAccuracy], now: datetime
) -> models.HealthModel:
    """A missing column outweighs old data, old data outweighs nothing."""
    age = now - newest if newest else None
    return models.HealthModel(
        status=(
            "schema_mismatch"
            if missing
            else "empty"
            if age is None
            else "stale"
            if age > STALE_AFTER
            else "ok"
        ),
        newest_request=newest,
        newest_age_s=max(age.total_seconds(), 0.0) if age is not None else None,
        missing_columns=missing,
        join_accuracy=[
            models.JoinAccuracyModel(
                sensor=row.sensor,
                as_of=row.newest,
                requests=row.requests,
                requests_unreported=row.requests_unreported,
                precision=row.precision,
                recall=row.recall,
            )
            for row in joins
        ],
    )


def ja4_answer(
    asked: str, reading: FingerprintReading, clients: Sequence[ClientRow], requests: Sequence[RequestRow]
) -> models.Ja4Model:
    """The whole page as one object."""
    found, subject = reading.fingerprint, reading.subject
    totals = subject.totals
    request_count = sum(row.requests for row in subject.verdicts)
    bots = sum(row.requests for row in subject.verdicts if row.verdict in BOTS)
    return models.Ja4Model(
        fingerprint=asked,
        ja4_stable=found.ja4_stable,
        variants=found.variants,
        known_client=found.known_client,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        as_of=subject.as_of,
        span=models.Span(since=subject.window.since, until=subject.window.until),
        requests=request_count,
        clients=totals.clients,
        hosts=totals.hosts,
        user_agents=totals.user_agents,
        bot_ratio=bots / request_count if request_count else None,
        median_score=totals.median_score,
        scored_entity_hours=totals.scored_entities,
        entity_hours=totals.entities,
        verdicts=[models.VerdictCount.model_validate(row, from_attributes=True) for row in subject.verdicts],
        reasons=[
            models.ReasonModel(
                feature=row.name,
                value=row.value,
                norm=row.norm,
                contribution=row.contribution,
                entity_hours=row.entity_hours,
            )
            for row in subject.reasons
        ],
        claimed_user_agents=[
            models.UserAgentModel.model_validate(row, from_attributes=True) for row in subject.claims
        ],
        top_clients=[
            models.ClientModel.model_validate(
                {
                    "client_ip": row.client_ip,
                    "requests": row.requests,
                    "hosts": row.hosts,
                    "verdict": row.verdict,
                    "score": row.score,
                    "reason": row.reason,
                    "last_seen": row.last_ts,
                }
            )
            for row in clients
        ],
        newest_requests=[request_model(row) for row in requests],
        hello=_hello(found),
    )


def request_model(row: RequestRow) -> models.RequestModel:
    """One request of the log."""
    return models.RequestModel.model_validate(msgspec.structs.asdict(row) | {"conn_id": str(row.conn_id)})


def _hello(found: Fingerprint) -> models.HelloModel:
    prefix = maybe_prefix(found.ja4_stable)
    decoded = maybe_decoded(found.ja4_r)
    return models.HelloModel(
        tls_version=version_name(found.tls_version),
        transport=prefix.transport if prefix else None,
        sni_present=prefix.sni_present if prefix else None,
        alpn=found.alpn,
        has_grease=found.has_grease,
        has_ech=found.has_ech,
        has_pq_group=found.has_pq_group,
        hello_bytes=found.hello_len,
        cipher_suites=_codes(decoded.ciphers if decoded else ()),
        extensions=_codes(decoded.extensions if decoded else ()),
        signature_algorithms=_codes(decoded.signatures if decoded else ()),
        ja4_r=found.ja4_r,
        ja4_o=found.ja4_o,
        ja3_hash=found.ja3_hash,
        ja3_hashes=found.ja3_hashes,
        tcp_signature=found.tcp_signature,
    )


def _codes(codes: tuple[CodePoint, ...]) -> list[models.CodePointModel]:
    return [models.CodePointModel(code=code.hex, name=code.name) for code in codes]
