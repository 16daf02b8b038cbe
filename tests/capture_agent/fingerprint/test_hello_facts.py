from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import (
    UNREAD,
    HelloFacts,
    hello_facts,
    is_ip_literal,
    refingerprint,
    salvaged_facts,
    sslv2_facts,
)
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.fingerprint.known_hellos import MAX_GROUPS, MAX_IN_GROUP
from capture_agent.fingerprint.skeleton import skeleton
from capture_agent.wire.client_hello import parse_client_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.quic import InitialAssembler
from capture_agent.wire.tls_record import ClientHelloReader

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "client_hello").glob("*.json"))
SSLV2_HELLO = (
    b"\x01\x03\x01\x00\x06\x00\x04\x00\x10" + b"\x01\x00\x80\x00\x00\x2f" + b"sess" + bytes(range(16))
)


def message_of(case: dict[str, Any]) -> bytes:
    if case["transport"] == "tcp":
        hello = ClientHelloReader().feed(bytes.fromhex(case["stream"]))
    else:
        assembler = InitialAssembler()
        hellos = [assembler.feed(bytes.fromhex(datagram)) for datagram in case["datagrams"]]
        hello = next(hello for hello in hellos if hello is not None)
    assert hello is not None
    return hello.message


def curl() -> bytes:
    path = next(path for path in VECTORS if path.stem == "curl-h2")
    return message_of(json.loads(path.read_text()))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_real_clients_have_the_values_of_other_tools(path: Path) -> None:
    case = json.loads(path.read_text())
    message = message_of(case)
    facts = hello_facts(message, Transport(case["transport"]))
    expected = case["expect"]
    assert facts.ja4 == expected["ja4"]
    assert facts.ja3_hash == expected["ja3_hash"]
    assert facts.ja3n_hash == expected.get("ja3n_hash", facts.ja3n_hash)
    assert facts.sni == expected["sni"]
    if expected["alpn"]:
        assert list(facts.alpn)[: len(expected["alpn"])] == expected["alpn"]
    for flag in ("has_grease", "has_ech", "has_pq_group"):
        assert getattr(facts, flag) == expected.get(flag, getattr(facts, flag)), flag
    if "message_bytes" in expected:
        assert facts.hello_len in expected["message_bytes"]
    assert facts.hello_len == len(message)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_a_row_is_recomputed_from_its_skeleton(path: Path) -> None:
    case = json.loads(path.read_text())
    transport = Transport(case["transport"])
    facts = hello_facts(message_of(case), transport)
    assert facts.hello_skeleton is not None
    assert refingerprint(facts.hello_skeleton, transport, is_sslv2_framed=False) == facts


def test_an_sslv2_hello_has_facts_but_no_invented_fingerprint() -> None:
    facts = sslv2_facts(SSLV2_HELLO)
    assert (facts.legacy_version, facts.tls_version, facts.sni_present) == (0x0301, 0x0301, False)
    assert facts.ja4 is None
    assert facts.ja3_hash is None
    assert facts.hello_skeleton == SSLV2_HELLO[:15] + bytes(20)
    assert refingerprint(facts.hello_skeleton, Transport.TCP, is_sslv2_framed=True) == facts


def test_what_stands_before_a_break_is_kept() -> None:
    message = curl()
    facts = salvaged_facts(message[:-3], Transport.TCP)
    assert facts.sni == "shop.test"
    assert facts.sni_present
    assert facts.alpn == ("h2", "http/1.1")
    assert facts.ja4 is None
    assert facts.hello_skeleton is None
    assert facts.has_ech is None
    assert salvaged_facts(message[:20], Transport.TCP) == UNREAD


def test_a_looked_up_hello_equals_a_computed_one() -> None:
    message = curl()
    first = hello_facts(message, Transport.TCP)
    other_random = message[:6] + bytes(range(32)) + message[38:]
    assert hello_facts(other_random, Transport.TCP) is first
    assert hello_facts(message, Transport.QUIC) != first


def test_new_hellos_push_old_ones_out() -> None:
    hello = parse_client_hello(curl())
    assert hello.extensions is not None
    first = hello_facts(hello.serialise(), Transport.TCP)
    for number in range(MAX_GROUPS):
        hello_facts(replace(hello, cipher_suites=(*hello.cipher_suites, number)).serialise(), Transport.TCP)
    again = hello_facts(hello.serialise(), Transport.TCP)
    assert again == first
    assert again is not first


def test_permutations_push_each_other_out() -> None:
    hello = parse_client_hello(curl())
    assert hello.extensions is not None
    start, *rest = hello.extensions
    first = hello_facts(hello.serialise(), Transport.TCP)
    for number in range(1, MAX_IN_GROUP + 1):
        permuted = (start, *rest[number:], *rest[:number])
        hello_facts(replace(hello, extensions=permuted).serialise(), Transport.TCP)
    assert hello_facts(hello.serialise(), Transport.TCP) is not first


@given(at=st.integers(0, 2000), value=st.integers(0, 255))
def test_a_changed_byte_is_never_mistaken_for_noise(at: int, value: int) -> None:
    message = curl()
    hello_facts(message, Transport.TCP)
    changed = bytearray(message)
    changed[at % len(message)] = value
    try:
        hello = parse_client_hello(bytes(changed))
    except Malformed:
        with pytest.raises(Malformed):
            hello_facts(bytes(changed), Transport.TCP)
    else:
        facts = hello_facts(bytes(changed), Transport.TCP)
        assert facts.hello_skeleton == skeleton(hello, bytes(changed))
        assert facts.ja4_r == ja4_of(hello, Transport.TCP).ja4_r


def test_the_facts_of_an_unread_hello_claim_nothing() -> None:
    claims = {name: getattr(UNREAD, name) for name in HelloFacts.__struct_fields__}
    assert {name for name, value in claims.items() if value is not None} == {"alpn"}


@pytest.mark.parametrize(
    ("host_name", "is_ip"),
    [
        (b"192.0.2.1", True),
        (b"2001:db8::1", True),
        (b"[2001:db8::1]", True),
        (b"shop.example", False),
        (b"host-4", False),
        (b"192.0.2.1.example", False),
        (b"\xff9", False),
        (b"", False),
    ],
)
def test_ip_literals_are_told_from_names(host_name: bytes, is_ip: bool) -> None:
    assert is_ip_literal(host_name) == is_ip
