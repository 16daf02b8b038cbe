from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.client_hello import ClientHello, parse_client_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.tls_record import ClientHelloReader

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "client_hello").glob("*.json"))
STREAMS = {
    path.stem: bytes.fromhex(case["stream"])
    for path in VECTORS
    if "stream" in (case := json.loads(path.read_text()))
}


def message_of(name: str) -> bytes:
    hello = ClientHelloReader().feed(STREAMS[name])
    assert hello is not None
    return hello.message


def with_length(body: bytes) -> bytes:
    return b"\x01" + len(body).to_bytes(3, "big") + body


FIXED = b"\x03\x03" + bytes(32) + b"\x00"
SUITES = b"\x00\x02\x13\x01"
COMPRESSION = b"\x01\x00"


@pytest.mark.parametrize("name", STREAMS)
def test_serialising_a_real_hello_gives_its_bytes(name: str) -> None:
    message = message_of(name)
    assert parse_client_hello(message).serialise() == message


u16 = st.integers(0, 0xFFFF)
hellos = st.builds(
    ClientHello,
    legacy_version=u16,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    cookie=st.none(),
    cipher_suites=st.lists(u16, max_size=40).map(tuple),
    compression_methods=st.binary(max_size=5),
    extensions=st.none() | st.lists(st.tuples(u16, st.binary(max_size=40)), max_size=20).map(tuple),
)


@settings(max_examples=150)
@given(hellos)
def test_parsing_a_serialised_hello_gives_the_hello(hello: ClientHello) -> None:
    assert parse_client_hello(hello.serialise()) == hello


@settings(max_examples=50)
@given(hellos, st.binary(max_size=255))
def test_the_cookie_of_dtls_is_kept(hello: ClientHello, cookie: bytes) -> None:
    dtls = ClientHello(
        hello.legacy_version,
        hello.random,
        hello.session_id,
        cookie,
        hello.cipher_suites,
        hello.compression_methods,
        hello.extensions,
    )
    assert parse_client_hello(dtls.serialise(), is_dtls=True) == dtls


def test_a_hello_without_extensions_differs_from_one_with_none() -> None:
    bare = parse_client_hello(with_length(FIXED + SUITES + COMPRESSION))
    empty = parse_client_hello(with_length(FIXED + SUITES + COMPRESSION + b"\x00\x00"))
    assert bare.extensions is None
    assert empty.extensions == ()


def test_empty_lists_are_facts_not_errors() -> None:
    hello = parse_client_hello(with_length(FIXED + b"\x00\x00" + b"\x00"))
    assert hello.cipher_suites == ()
    assert hello.compression_methods == b""


# RFC 8446 section 4.1.2, field by field: where each can break.
BREAKS = {
    "no header": (b"\x01\x00", "handshake header runs over the end", 2),
    "server_hello": (b"\x02" + with_length(FIXED + SUITES + COMPRESSION)[1:], "handshake type is not", 0),
    "length too small": (b"\x01\x00\x00\x01" + FIXED + SUITES + COMPRESSION, "handshake length differs", 1),
    "ends in random": (with_length(FIXED[:20]), "version, random and session_id run over", 24),
    "session id of 33": (with_length(FIXED[:-1] + b"\x21" + bytes(33)), "session_id is longer than 32", 38),
    "session id cut": (with_length(FIXED[:-1] + b"\x20" + bytes(31)), "session_id runs over", 38),
    "no suites": (with_length(FIXED), "cipher_suites run over", 39),
    "suites cut": (with_length(FIXED + b"\x00\x04\x13\x01"), "cipher_suites run over", 39),
    "odd suites": (
        with_length(FIXED + b"\x00\x03\x13\x01\x13" + COMPRESSION),
        "cipher_suites have an odd",
        39,
    ),
    "no compression": (with_length(FIXED + SUITES), "compression_methods run over", 43),
    "compression cut": (with_length(FIXED + SUITES + b"\x02\x00"), "compression_methods run over", 43),
    "half an extensions length": (
        with_length(FIXED + SUITES + COMPRESSION + b"\x00"),
        "extensions run over",
        45,
    ),
    "extensions cut": (
        with_length(FIXED + SUITES + COMPRESSION + b"\x00\x05\x00"),
        "extensions run over",
        45,
    ),
    "bytes left": (with_length(FIXED + SUITES + COMPRESSION + b"\x00\x00\x00"), "bytes are left over", 47),
    "extension header cut": (
        with_length(FIXED + SUITES + COMPRESSION + b"\x00\x03\x00\x17\x00"),
        "extension header runs over",
        47,
    ),
    "extension body cut": (
        with_length(FIXED + SUITES + COMPRESSION + b"\x00\x05\x00\x17\x00\x02\x00"),
        "extension body runs over",
        47,
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_every_break_has_its_reason_and_offset(name: str) -> None:
    message, reason, offset = BREAKS[name]
    with pytest.raises(Malformed, match=reason) as caught:
        parse_client_hello(message)
    assert caught.value.offset == offset


def test_every_truncation_of_a_real_hello_is_malformed() -> None:
    message = message_of("chromium-headless-new")
    hello = parse_client_hello(message)
    before_extensions = 4 + 2 + 32 + 1 + len(hello.session_id) + 2 + 2 * len(hello.cipher_suites) + 2
    for size in range(4, len(message)):
        if size == before_extensions:
            continue  # ends like a hello without extensions, which is one
        with pytest.raises(Malformed):
            parse_client_hello(with_length(message[4:size]))


def hello_with(*extensions: tuple[int, bytes]) -> ClientHello:
    return ClientHello(0x0303, bytes(32), b"", None, (0x1301,), b"\0", extensions)


def test_sni_present_says_that_the_extension_is_there_readable_or_not() -> None:
    assert hello_with((0, b"")).sni_present
    assert hello_with((0, b"")).sni is None
    assert not hello_with().sni_present
    assert hello_with((0, b"\x00\x05\x00\x00\x63abc")).sni is None


def test_sni_is_the_first_host_name_as_sent() -> None:
    body = b"\x00\x0c" + b"\x01\x00\x01x" + b"\x00\x00\x05a.TeS"
    assert hello_with((0, body)).sni == b"a.TeS"


def test_a_repeated_extension_is_kept_and_read_once() -> None:
    hello = hello_with((0x0A, b"\x00\x02\x00\x1d"), (0x0A, b"\x00\x02\x00\x17"))
    assert hello.supported_groups == (0x1D,)
    assert hello.extensions is not None
    assert len(hello.extensions) == 2


@pytest.mark.parametrize(
    ("body", "groups"),
    [
        (b"", ()),
        (b"\x00", ()),
        (b"\x00\x04\x00\x1d", (0x1D,)),
        (b"\x00\x03\x00\x1d\x00", (0x1D,)),
        (b"\x00\x02\x00\x1d\x00\x17", (0x1D,)),
    ],
    ids=["empty", "half a length", "declared too long", "odd", "declared too short"],
)
def test_a_broken_extension_is_read_as_far_as_its_bytes_go(body: bytes, groups: tuple[int, ...]) -> None:
    assert hello_with((0x0A, body)).supported_groups == groups


def test_alpn_ends_where_an_entry_runs_over() -> None:
    assert hello_with((0x10, b"\x00\x06\x02h2\x09ht")).alpn == (b"h2",)
    assert hello_with((0x10, b"\x00\x03\x02h2")).alpn == (b"h2",)
    assert hello_with((0x10, b"")).alpn == ()


def test_the_newest_dtls_version_is_the_lowest_number() -> None:
    assert hello_with((0x2B, b"\x04\xfe\xfc\xfe\xfd")).tls_version == 0xFEFC


def test_signature_schemes_come_from_extension_13_only() -> None:
    assert hello_with((50, b"\x00\x02\x04\x03")).signature_algorithms == ()
    assert hello_with((50, b"\x00\x02\x04\x03"), (13, b"\x00\x02\x08\x04")).signature_algorithms == (0x0804,)


def test_grease_is_seen_in_every_list() -> None:
    assert not hello_with((0xEEEE, b"")).has_grease
    assert hello_with((0xEAEA, b"")).has_grease
    assert hello_with((0x0D, b"\x00\x02\x1a\x1a")).has_grease
    assert hello_with((0x2B, b"\x02\x7a\x7a")).has_grease
    assert hello_with((0x0A, b"\x00\x02\x7a\x7a")).has_grease


def test_flags_of_real_clients(feed_badly: Callable[[bytes], object]) -> None:
    chrome = parse_client_hello(message_of("chromium-headless-new"))
    assert (chrome.has_ech, chrome.has_pq_group, chrome.has_psk, chrome.has_early_data) == (
        True,
        True,
        False,
        False,
    )
    python = parse_client_hello(message_of("py-requests"))
    assert not python.has_ech
