"""Readings of the store as the API's models."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from soc_dashboard.api import models
from soc_dashboard.components.states import STALE_AFTER
from soc_dashboard.decoded_hello import CodePoint, maybe_prefix
from soc_dashboard.hello_message import kept_lists
from soc_dashboard.registry import version_name
from soc_dashboard.store.fingerprint import FingerprintReading
from soc_dashboard.store.rows import ClientRow, Entity, Fingerprint, JoinAccuracy, RequestRow
from soc_dashboard.store.subject import SubjectReading
from soc_dashboard.verdicts import BOTS
from soc_dashboard.window import Window


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
    """The whole page of a fingerprint as one object."""
    found = reading.fingerprint
    return models.Ja4Model(
        **subject_fields(reading.subject),
        fingerprint=asked,
        ja4_stable=found.ja4_stable,
        variants=found.variants,
        known_client=found.known_client,
        first_seen=found.first_seen,
        last_seen=found.last_seen,
        top_clients=[
            models.ClientModel.model_validate(msgspec.structs.asdict(row) | {"last_seen": row.last_ts})
            for row in clients
        ],
        newest_requests=[request_model(row) for row in requests],
        hello=_hello(found),
    )


def subject_fields(reading: SubjectReading) -> dict[str, Any]:
    """The fields that every subject's answer has: those of SubjectModel."""
    totals = reading.totals
    request_count = sum(row.requests for row in reading.verdicts)
    bots = sum(row.requests for row in reading.verdicts if row.verdict in BOTS)
    return {
        "as_of": reading.as_of,
        "span": span_model(reading.window),
        "requests": request_count,
        "clients": totals.clients,
        "fingerprints": totals.fingerprints,
        "hosts": totals.hosts,
        "user_agents": totals.user_agents,
        "errors_4xx": totals.errors_4xx,
        "bot_ratio": bots / request_count if request_count else None,
        "median_score": totals.median_score,
        "scored_entity_hours": totals.scored_entities,
        "entity_hours": totals.entities,
        "verdicts": [
            models.VerdictCount.model_validate(row, from_attributes=True) for row in reading.verdicts
        ],
        "reasons": [
            models.ReasonModel(
                feature=row.name,
                value=row.value,
                norm=row.norm,
                contribution=row.contribution,
                entity_hours=row.entity_hours,
            )
            for row in reading.reasons
        ],
        "claimed_user_agents": [
            models.UserAgentModel.model_validate(row, from_attributes=True) for row in reading.claims
        ],
    }


def span_model(window: Window) -> models.Span:
    """The span of an answer."""
    return models.Span(since=window.since, until=window.until)


def entity_model(row: Entity) -> models.EntityModel:
    """One judged entity."""
    return models.EntityModel.model_validate(msgspec.structs.asdict(row) | {"last_seen": row.last_ts})


def request_model(row: RequestRow) -> models.RequestModel:
    """One request of the log."""
    return models.RequestModel.model_validate(msgspec.structs.asdict(row) | {"conn_id": str(row.conn_id)})


def _hello(found: Fingerprint) -> models.HelloModel:
    prefix = maybe_prefix(found.ja4_stable)
    is_wire_order, kept = kept_lists(found.hello_skeleton, found.ja4_r)
    lists = {each.name: _codes(each.codes) for each in kept}
    return models.HelloModel(
        tls_version=version_name(found.tls_version),
        transport=prefix.transport if prefix else None,
        sni_present=prefix.sni_present if prefix else None,
        alpn=found.alpn,
        has_grease=found.has_grease,
        has_ech=found.has_ech,
        has_pq_group=found.has_pq_group,
        hello_bytes=found.hello_len,
        cipher_suites=lists.get("Cipher suites", []),
        extensions=lists.get("Extensions", []),
        signature_algorithms=lists.get("Signature algorithms", []),
        supported_groups=lists.get("Supported groups", []),
        key_shares=lists.get("Key shares", []),
        is_wire_order=is_wire_order,
        ja4_r=found.ja4_r,
        ja4_o=found.ja4_o,
        ja3_hash=found.ja3_hash,
        ja3_hashes=found.ja3_hashes,
        tcp_signature=found.tcp_signature,
    )


def _codes(codes: tuple[CodePoint, ...]) -> list[models.CodePointModel]:
    return [models.CodePointModel(code=code.hex, name=code.name) for code in codes]
