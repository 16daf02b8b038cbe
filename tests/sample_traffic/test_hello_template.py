"""A hello that is sent again is the recorded one, but for the fields that must be fresh."""

from __future__ import annotations

import random

import pytest

from capture_agent.events import Transport
from capture_agent.fingerprint.ja3 import ja3_of
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.wire.client_hello import parse_client_hello
from sample_traffic.hello_template import RECORDED_HOST, HelloTemplate, template_of
from sample_traffic.recorded import load_recording
from sample_traffic.sites import SITES

PRE_SHARED_KEY = 41

RECORDING = load_recording()
TEMPLATES = [template_of(handshake) for client in RECORDING.values() for handshake in client.handshakes]


def fresh(template: HelloTemplate, host: bytes = b"blog.test", seed: int = 1) -> bytes:
    return template.record_for(host, random.Random(seed))


def test_bytes_outside_the_named_fields_stay_as_recorded() -> None:
    for template in TEMPLATES:
        recorded = template.handshake.hello_record
        changeable = {at for offset, length in template.refreshed for at in range(offset, offset + length)}
        if template.host_at is not None:
            changeable |= set(range(template.host_at, template.host_at + len(RECORDED_HOST)))
        sent = fresh(template)
        assert len(sent) == len(recorded)
        assert all(at in changeable for at in range(len(sent)) if sent[at] != recorded[at])


def test_changed_fields_are_few() -> None:
    for template in TEMPLATES:
        if not template.resumes:
            assert sum(length for _, length in template.refreshed) in (32, 64, 96, 128)


def test_fingerprints_do_not_move() -> None:
    for template in TEMPLATES:
        recorded = parse_client_hello(template.handshake.hello_record[5:])
        for site in SITES:
            sent = parse_client_hello(fresh(template, site.host.encode())[5:])
            assert ja4_of(sent, Transport.TCP) == ja4_of(recorded, Transport.TCP)
            assert ja3_of(sent) == ja3_of(recorded)


def test_host_is_the_one_asked_for_and_absent_where_it_was_absent() -> None:
    for name, client in RECORDING.items():
        hello = parse_client_hello(fresh(template_of(client.handshakes[0]))[5:])
        assert hello.sni == (None if name == "httperf" else b"blog.test")


def test_random_session_id_and_tickets_are_fresh() -> None:
    for template in TEMPLATES:
        one, other = (parse_client_hello(fresh(template, seed=seed)[5:]) for seed in (1, 2))
        assert one.random != other.random
        assert one.session_id != other.session_id or not one.session_id
        if template.resumes:
            first, second = (dict(hello.extensions or ())[PRE_SHARED_KEY] for hello in (one, other))
            assert first != second


def test_only_recorded_resumptions_resume() -> None:
    assert {
        client.name
        for client in RECORDING.values()
        if any(template_of(handshake).resumes for handshake in client.handshakes)
    } == {"chromium-resuming"}


def test_a_host_name_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="9 bytes"):
        fresh(TEMPLATES[0], b"api.test")
