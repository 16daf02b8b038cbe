"""Labels: what they touch, that they are written, taken back and audited."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import clickhouse_connect
import pytest

from soc_dashboard.access import ForbiddenError, Role, User, acting_as
from soc_dashboard.labels import MAX_NOTE, LabelRefusedError, LabelScope, target
from soc_dashboard.store.audit import read_audit
from soc_dashboard.store.database import MartDatabase, StoreFailedError
from soc_dashboard.store.decision_log import DecisionLog
from soc_dashboard.store.labels import preview_labels, read_labels
from soc_dashboard.store.overview import PageRequest
from soc_dashboard.store.rows import AuditRow
from soc_dashboard.window import Window

CHROMIUM = "t13d1517h2_8daaf6152771_cb7bf5808d99"
ADDRESS = "203.0.113.44"


@pytest.fixture(autouse=True)
def analyst() -> Iterator[None]:
    """An analyst acts in every test here."""
    with acting_as(User("ada", Role.ANALYST)):
        yield


@pytest.fixture
def day(now: datetime) -> Window:
    return Window(now - timedelta(hours=24), now)


@pytest.fixture
def clean_marts(day_dsn: str) -> Iterator[MartDatabase]:
    """The day's marts without labels of other tests."""
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client.command("truncate table analyst_labels")
        client.command("truncate table audit_log")
    marts = MartDatabase(day_dsn)
    yield marts
    marts.close()


def audited(marts: MartDatabase, day: Window) -> list[AuditRow]:
    """The whole audit log, newest first."""
    return asyncio.run(read_audit(marts, PageRequest(), day, "", is_ranged=False))


def touched(dsn: str, day: Window, condition: str) -> tuple[int, int]:
    question = (
        "select uniqExact(client_ip, ja4_stable, host), sum(requests) from fct_entity_verdict"
        " where hour >= toStartOfHour(fromUnixTimestamp64Micro({since:Int64}, 'UTC')) and CONDITION"
    )
    with clickhouse_connect.get_client(dsn=dsn) as client:
        row: Any = client.query(
            question.replace("CONDITION", condition), parameters={"since": day.since_us}
        ).result_rows[0]
    return int(row[0]), int(row[1])


@pytest.mark.parametrize(
    ("scope", "ja4", "host", "condition"),
    [
        (LabelScope.CLIENT_IP, None, None, "client_ip = toIPv6('203.0.113.44')"),
        (LabelScope.JA4_STABLE, CHROMIUM, None, "startsWith(ja4_stable, 't13d1517h2')"),
    ],
)
def test_a_preview_counts_what_the_label_would_touch(
    clean_marts: MartDatabase,
    day_dsn: str,
    day: Window,
    scope: LabelScope,
    ja4: str | None,
    host: str | None,
    condition: str,
) -> None:
    seen = asyncio.run(preview_labels(clean_marts, [target(scope, ADDRESS, ja4, host)], day))
    assert (seen.entities, seen.requests) == touched(day_dsn, day, condition)
    assert seen.entities > 0
    assert bool(seen.humans) == (scope is LabelScope.JA4_STABLE)


def test_a_label_is_written_previewed_taken_back_and_audited(
    clean_marts: MartDatabase, day: Window, now: datetime
) -> None:
    times = iter(now + timedelta(seconds=step) for step in range(9))
    log = DecisionLog(clean_marts, lambda: next(times))
    about = target(LabelScope.CLIENT_IP, f"::ffff:{ADDRESS}", "ignored", "ignored")
    (given,) = asyncio.run(log.give("ada", [about], "bad_bot", "scans <b>", now + timedelta(days=7)))
    (row,) = asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=True))
    assert (row.client_ip, row.ja4, row.host, row.label, row.note) == (
        ADDRESS,
        None,
        None,
        "bad_bot",
        "scans <b>",
    )
    assert row.label_id == given.label_id
    seen = asyncio.run(preview_labels(clean_marts, [target(LabelScope.ENTITY, ADDRESS, "x", "y")], day))
    assert [label.label_id for label in seen.labels] == [given.label_id]
    asyncio.run(log.revoke("bob", [given]))
    assert asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=True)) == []
    (row,) = asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=False))
    assert row.is_revoked
    assert row.first_labelled_at < row.labelled_at
    audit = audited(clean_marts, day)
    assert [(entry.user, entry.action, entry.target) for entry in audit] == [
        ("bob", "revoke", f"client {ADDRESS}"),
        ("ada", "label", f"client {ADDRESS}"),
    ]
    assert json.loads(audit[1].details)["note"] == "scans <b>"


def test_an_expired_label_no_longer_holds(clean_marts: MartDatabase) -> None:
    log = DecisionLog(clean_marts, lambda: datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
    about = target(LabelScope.JA4_STABLE, None, "t13d", None)
    asyncio.run(log.give("ada", [about], "human", "", datetime.fromisoformat("2020-01-02T00:00:00+00:00")))
    assert asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=True)) == []
    assert len(asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=False))) == 1


@pytest.mark.parametrize(
    ("scope", "client_ip", "ja4", "words"),
    [
        (LabelScope.CLIENT_IP, None, None, "needs client_ip"),
        (LabelScope.CLIENT_IP, "1.2.3", None, "is not an IP address"),
        (LabelScope.JA4_STABLE, "192.0.2.7", "", "without a handshake"),
        (LabelScope.ENTITY, "192.0.2.7", "x" * 300, "at most"),
    ],
)
def test_targets_that_make_no_sense_are_refused(
    scope: LabelScope, client_ip: str | None, ja4: str | None, words: str
) -> None:
    with pytest.raises(LabelRefusedError, match=words):
        target(scope, client_ip, ja4, None)


@pytest.mark.parametrize(
    ("label", "note", "days", "words"),
    [
        ("suspicious", "", 1, "a label is one of"),
        ("human", "x" * (MAX_NOTE + 1), 1, "at most"),
        ("human", "", -1, "ended already"),
    ],
)
def test_labels_that_cannot_be_given_write_nothing(
    day: Window, clean_marts: MartDatabase, now: datetime, label: str, note: str, days: int, words: str
) -> None:
    log = DecisionLog(clean_marts, lambda: now)
    about = target(LabelScope.CLIENT_IP, ADDRESS, None, None)
    with pytest.raises(LabelRefusedError, match=words):
        asyncio.run(log.give("ada", [about], label, note, now + timedelta(days=days)))
    assert audited(clean_marts, day) == []


def test_a_label_that_cannot_be_audited_is_not_given(
    clean_marts: MartDatabase, day_dsn: str, now: datetime
) -> None:
    with clickhouse_connect.get_client(dsn=day_dsn) as client:
        client.command("rename table audit_log to audit_log_away")
    log = DecisionLog(clean_marts, lambda: now)
    about = [target(LabelScope.CLIENT_IP, ADDRESS, None, None)]
    try:
        with pytest.raises(StoreFailedError, match="audit_log"):
            asyncio.run(log.give("ada", about, "human", "", None))
    finally:
        with clickhouse_connect.get_client(dsn=day_dsn) as client:
            client.command("rename table audit_log_away to audit_log")
    assert asyncio.run(read_labels(clean_marts, PageRequest(), is_active_only=False)) == []


def test_a_viewer_labels_nothing_whatever_the_page_lets_through(
    day: Window, clean_marts: MartDatabase, now: datetime
) -> None:
    log = DecisionLog(clean_marts, lambda: now)
    about = (target(LabelScope.CLIENT_IP, ADDRESS, None, None),)
    with acting_as(User("eve", Role.VIEWER)), pytest.raises(ForbiddenError, match="needs the role analyst"):
        asyncio.run(log.give("eve", about, "human", "", None))
    assert audited(clean_marts, day) == []
