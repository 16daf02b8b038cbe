"""Suspicious entities made by hand: bots of one operator, and strangers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from ja4_assets.campaigns.profile import Profile

HOUR = datetime(2026, 11, 1, 12, tzinfo=UTC)
LOGIN = {"/login": 0.9, "/": 0.1}
STEADY = (0.4, 0.1, 0.2, 0.8, 0.0, 0.0)


def bot(number: int, **changes: object) -> Profile:
    """A bot of the operator that stuffs logins from 10.0.0.0/16; `changes` overrides fields."""
    fields: dict[str, object] = {
        "key": (
            f"::ffff:10.0.{number // 250}.{number % 250}",
            "t13d0512h2_aaaaaaaaaaaa_bbbbbbbbbbbb",
            "shop.test",
        ),
        "requests": 20,
        "first_ts": HOUR + timedelta(minutes=1),
        "last_ts": HOUR + timedelta(minutes=1, seconds=38),
        "ua_family": "Chrome",
        "asn": 64500,
        "asn_kind": "hosting",
        "header_order": "order-a",
        "paths": LOGIN,
        "pace": STEADY,
    }
    return Profile(**(fields | changes))  # type: ignore[arg-type]


def scanner(number: int, **changes: object) -> Profile:
    """Somebody else: another tool, network, purpose and pace."""
    other: dict[str, object] = {
        "key": (f"::ffff:172.16.0.{number}", "t12d1809h1_cccccccccccc_dddddddddddd", "shop.test"),
        "asn": 64511,
        "asn_kind": "isp",
        "ua_family": "none",
        "header_order": "order-z",
        "paths": {"/.env": 0.3, "/.git/config": 0.3, "/wp-login.php": 0.4},
        "pace": (0.05, 0.6, 0.7, 0.1, 0.9, 0.8),
    }
    return bot(0, **(other | changes))


@pytest.fixture
def make_bot() -> Callable[..., Profile]:
    """The maker of one operator's bots."""
    return bot


@pytest.fixture
def make_scanner() -> Callable[..., Profile]:
    """The maker of another operator's bots."""
    return scanner
