from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.events import Transport
from capture_agent.fingerprint.hello_facts import hello_facts
from capture_agent.wire.client_hello import ClientHello, parse_client_hello
from capture_agent.wire.dtls import DtlsHelloAssembler, starts_dtls_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "dtls_hello").glob("*.json"))


def hello_message(cookie: bytes = b"") -> bytes:
    return ClientHello(
        legacy_version=0xFEFD,
        random=bytes(range(32)),
        session_id=b"",
        cookie=cookie,
        cipher_suites=(0xC02B, 0xC02F),
        compression_methods=b"\0",
        extensions=((0x0A, b"\x00\x02\x00\x1d"), (0x2B, b"\x04\xfe\xfc\xfe\xfd"), (0x1234, bytes(600))),
    ).serialise()


HELLO = hello_message()


def fragment(message: bytes, start: int, stop: int, sequence: int = 0, declared: int | None = None) -> bytes:
    """A handshake fragment of RFC 6347 section 4.2.2: twelve bytes, then a part of the body."""
    body = message[4:]
    size = len(body) if declared is None else declared
    return (
        message[:1]
        + size.to_bytes(3, "big")
        + sequence.to_bytes(2, "big")
        + start.to_bytes(3, "big")
        + (stop - start).to_bytes(3, "big")
        + body[start:stop]
    )


def record(payload: bytes, version: int = 0xFEFD, epoch: int = 0, kind: int = 22) -> bytes:
    return (
        bytes((kind,))
        + version.to_bytes(2, "big")
        + epoch.to_bytes(2, "big")
        + bytes(6)
        + len(payload).to_bytes(2, "big")
        + payload
    )


def read_all(*datagrams: bytes) -> HelloMessage | None:
    assembler = DtlsHelloAssembler()
    for datagram in datagrams:
        hello = assembler.feed(datagram)
        if hello is not None:
            return hello
    return None


@pytest.mark.parametrize("version", [0xFEFF, 0xFEFD])
def test_a_hello_in_one_datagram(version: int) -> None:
    datagram = record(fragment(HELLO, 0, len(HELLO) - 4), version)
    assert starts_dtls_hello(datagram)
    hello = read_all(datagram)
    assert hello is not None
    assert hello.message == HELLO
    assert parse_client_hello(hello.message, is_dtls=True).tls_version == 0xFEFC


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_recorded_clients_have_the_ja3_of_another_tool(path: Path) -> None:
    case = json.loads(path.read_text())
    hello = read_all(*map(bytes.fromhex, case["datagrams"]))
    assert hello is not None
    facts = hello_facts(hello.message, Transport.DTLS)
    assert facts.ja3_hash == case["expect"]["ja3_hash"]
    assert facts.ja4 is not None
    assert facts.ja4.startswith("dd1")


def test_a_long_list_of_signature_schemes_is_hashed_whole() -> None:
    schemes = tuple(range(0x0401, 0x0401 + 120))
    body = (2 * len(schemes)).to_bytes(2, "big") + b"".join(scheme.to_bytes(2, "big") for scheme in schemes)
    message = ClientHello(0xFEFD, bytes(32), b"", b"", (0xC02B,), b"\0", ((13, body),)).serialise()
    size = len(message) - 4
    cuts = [(at, min(at + 100, size)) for at in range(0, size, 100)]
    hello = read_all(*[record(fragment(message, start, stop)) for start, stop in cuts])
    assert hello is not None
    raw = hello_facts(hello.message, Transport.DTLS).ja4_r
    assert raw == "dd2i010100_c02b_000d_" + ",".join(f"{scheme:04x}" for scheme in schemes)


@settings(max_examples=60)
@given(st.data())
def test_fragments_come_in_any_order_overlap_and_repeat(data: st.DataObject) -> None:
    size = len(HELLO) - 4
    cuts = sorted(data.draw(st.sets(st.integers(1, size - 1), max_size=8)))
    edges = [0, *cuts, size]
    spans = [(max(0, a - data.draw(st.integers(0, 5))), b) for a, b in itertools.pairwise(edges)]
    order = data.draw(st.permutations(spans + spans[:2]))
    together = data.draw(st.integers(1, 3))
    records = [record(fragment(HELLO, a, b)) for a, b in order]
    datagrams = [b"".join(records[i : i + together]) for i in range(0, len(records), together)]
    hello = read_all(*datagrams)
    assert hello is not None
    assert hello.message == HELLO


def test_several_fragments_stand_in_one_record() -> None:
    size = len(HELLO) - 4
    hello = read_all(record(fragment(HELLO, 300, size) + fragment(HELLO, 0, 300)))
    assert hello is not None
    assert hello.message == HELLO


def test_the_hello_with_the_servers_cookie_is_the_second() -> None:
    assembler = DtlsHelloAssembler()
    first = assembler.feed(record(fragment(HELLO, 0, len(HELLO) - 4)))
    again = hello_message(cookie=b"c" * 20)
    second = assembler.feed(record(fragment(again, 0, len(again) - 4, sequence=1)))
    assert first is not None
    assert second is not None
    assert (first.is_second, second.is_second) == (False, True)
    assert parse_client_hello(second.message, is_dtls=True).cookie == b"c" * 20


def test_a_repeated_hello_is_given_once() -> None:
    assembler = DtlsHelloAssembler()
    datagram = record(fragment(HELLO, 0, len(HELLO) - 4))
    assert assembler.feed(datagram) is not None
    assert assembler.feed(datagram) is None


def test_other_records_and_encrypted_epochs_are_passed_over() -> None:
    whole = record(fragment(HELLO, 0, len(HELLO) - 4))
    hello = read_all(record(b"\x01\x00", kind=21) + record(bytes(40), epoch=1) + whole)
    assert hello is not None
    assert hello.message == HELLO


@pytest.mark.parametrize(
    ("datagram", "reason", "offset"),
    [
        (record(fragment(HELLO, 0, 100, declared=50)), "fragment runs over the end of its message", 19),
        (record(fragment(HELLO, 0, 100))[:-1], "record runs over the end", 13),
        (record(fragment(HELLO, 0, 100)[:-1]), "fragment runs over the end", 25),
        (record(fragment(HELLO, 0, 10, declared=70_000)), "hello is longer than 65536 bytes", 14),
        (record(fragment(HELLO, 0, 10) + fragment(HELLO, 0, 9, declared=800)), "differ in its length", 36),
    ],
)
def test_breaks_have_reason_and_offset(datagram: bytes, reason: str, offset: int) -> None:
    with pytest.raises(Malformed, match=reason) as caught:
        DtlsHelloAssembler().feed(datagram)
    assert caught.value.offset == offset


@settings(max_examples=100)
@given(st.binary(max_size=120), st.integers(0, 80))
def test_hostile_datagrams_give_nothing_or_malformed(noise: bytes, at: int) -> None:
    datagram = bytearray(record(fragment(HELLO, 0, len(HELLO) - 4)))
    datagram[at : at + len(noise)] = noise
    for hostile in (bytes(datagram), noise, b"\x16\xfe\xfd\x00\x00" + noise):
        try:
            DtlsHelloAssembler().feed(hostile)
        except Malformed:
            continue
