"""The intake marks what proves to be a canary's, and nothing else, whatever an event says of itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from capture_agent.canary.token import CanaryKey, request_nonce
from capture_agent.events import HttpEvent
from capture_agent.intake.normal_form import NormalForm

KEY = CanaryKey(b"sixteen octets!!")
NOW_S = int(time.time())
NONCE = request_nonce("00112233445566ff", 1, 2)
GENUINE = KEY.user_agent(NONCE, NOW_S)
REQUEST: dict[str, Any] = {
    "t_us": NOW_S * 1_000_000,
    "src_ip": "192.0.2.7",
    "src_port": 40_000,
    "dst_ip": "198.51.100.1",
    "dst_port": 443,
    "method": "GET",
    "unparsed_uri": "/",
    "proto": "HTTP/1.1",
    "status": 404,
}


def nonce_of(form: NormalForm, *headers: tuple[str, str | None], **said: object) -> str | None:
    event = HttpEvent(**REQUEST | {"headers": headers} | said)
    return form.of(event).canary_nonce


@pytest.mark.parametrize("name", ["User-Agent", "user-agent", "USER-AGENT"])
def test_genuine_request_is_marked_with_its_nonce(name: str) -> None:
    assert nonce_of(NormalForm(canary_key=KEY), ("Host", "a"), (name, GENUINE)) == NONCE


def test_canary_is_known_where_user_agents_are_not_stored() -> None:
    form = NormalForm(kept_headers=frozenset(), canary_key=KEY)
    assert nonce_of(form, ("User-Agent", GENUINE)) == NONCE


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("User-Agent", None),),
        (("User-Agent", "Mozilla/5.0"),),
        (("User-Agent", "ja4-canary/1 "),),
        (("User-Agent", GENUINE[:-1]),),
        (("X-User-Agent", GENUINE),),
    ],
)
def test_visitor_is_not_marked(headers: tuple[tuple[str, str | None], ...]) -> None:
    assert nonce_of(NormalForm(canary_key=KEY), *headers) is None


def test_agent_without_the_secret_takes_a_canary_for_a_visitor() -> None:
    assert nonce_of(NormalForm(), ("User-Agent", GENUINE)) is None


@pytest.mark.parametrize("form", [NormalForm(), NormalForm(canary_key=KEY)])
def test_event_that_calls_itself_a_canarys_is_not_believed(form: NormalForm) -> None:
    assert nonce_of(form, ("User-Agent", "Mozilla/5.0"), canary_nonce=NONCE) is None
