"""What a visitor typed or was given is in no row unless an operator asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from capture_agent import compiled
from capture_agent.agent.composition import normal_form
from capture_agent.correlate.correlator import JoinedRequest
from capture_agent.events import JoinState
from capture_agent.intake.event_lines import EventDecoder
from capture_agent.rows.http_request import http_request_row
from capture_agent.settings.loading import UnusableSettings, load_settings
from capture_agent.sink.encode import encode_row

SECRETS = ("s3cret-token", "c00kie-value", "r3ferer-token")
EVENT = {
    "ev": "end",
    "t_us": 1_790_000_000_000_000,
    "src_ip": "192.0.2.1",
    "src_port": 40_000,
    "dst_ip": "203.0.113.80",
    "dst_port": 443,
    "method": "GET",
    "unparsed_uri": f"/reset?token={SECRETS[0]}",
    "proto": "HTTP/1.1",
    "status": 200,
    "headers": [
        ["Host", "shop.test"],
        ["Cookie", f"session={SECRETS[1]}; theme={SECRETS[1]}"],
        ["Referer", f"https://shop.test/login?code={SECRETS[2]}"],
        ["Authorization", f"Bearer {SECRETS[0]}"],
    ],
}


def stored(**given: Any) -> str:
    """The row that is sent for EVENT under these settings, by every writer there is."""
    settings = load_settings(None, given, {})
    event = EventDecoder(normal_form(settings)).decode(json.dumps(EVENT).encode())
    joined = JoinedRequest(event, JoinState.NO_HELLO, 0, 0.0, 1, 1, None, None)
    text = encode_row(http_request_row(joined, "web1")).decode()
    writer = compiled.maybe_http_row_writer("web1")
    if writer is not None:
        assert writer(joined).line.decode() == text
    return text


def test_query_strings_and_cookie_values_are_not_stored_by_default() -> None:
    text = stored()
    assert [secret for secret in SECRETS if secret in text] == []
    row = json.loads(text)
    assert (row["path"], row["query"], row["referer"]) == ("/reset", None, "https://shop.test/login")
    assert row["cookie_names"] == ["session", "theme"], (
        "that there were cookies is a feature; their values are not"
    )


def test_queries_are_stored_when_an_operator_says_so_and_cookie_values_never() -> None:
    row = json.loads(stored(**{"requests.store_query": True}))
    assert row["query"] == f"token={SECRETS[0]}"
    assert row["referer"].endswith(f"?code={SECRETS[2]}")
    assert SECRETS[1] not in json.dumps(row)


@pytest.mark.parametrize("name", ["cookie", "authorization"])
def test_a_header_that_holds_secrets_cannot_be_kept(name: str) -> None:
    with pytest.raises(UnusableSettings, match=f"no column for {name}"):
        load_settings(None, {"requests.kept_headers": [name]}, {})
