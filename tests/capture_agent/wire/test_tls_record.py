from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed, NotTls
from capture_agent.wire.hello_message import MAX_HELLO_BYTES, HelloMessage
from capture_agent.wire.tls_record import ClientHelloReader

Read = Callable[[Iterable[bytes]], object]

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "client_hello").glob("*.json"))
STREAMS = {
    path.stem: bytes.fromhex(case["stream"])
    for path in VECTORS
    if "stream" in (case := json.loads(path.read_text()))
}
CHROME = STREAMS["chromium-headless-new"]
CHROME_MESSAGE = CHROME[5:]
CHANGE_CIPHER_SPEC = b"\x14\x03\x03\x00\x01\x01"


def records(message: bytes, size: int, version: int = 0x0301) -> bytes:
    return b"".join(
        b"\x16" + version.to_bytes(2, "big") + len(part).to_bytes(2, "big") + part
        for part in (message[i : i + size] for i in range(0, len(message), size))
    )


def feed_all(reader: ClientHelloReader, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        assert reader.feed(piece) is None


def hello_of_size(body_size: int) -> bytes:
    """A hello whose last extension fills it up to the size."""
    fixed = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00"
    filler = body_size - len(fixed) - 2 - 4
    extensions = b"\x12\x34" + filler.to_bytes(2, "big") + bytes(filler)
    body = fixed + len(extensions).to_bytes(2, "big") + extensions
    assert len(body) == body_size
    return b"\x01" + body_size.to_bytes(3, "big") + body


@pytest.mark.parametrize("name", STREAMS)
def test_a_real_hello_is_found_however_it_is_fed(name: str, feed_badly: Callable[[bytes], object]) -> None:
    hello = feed_badly(STREAMS[name])
    assert isinstance(hello, HelloMessage)
    assert hello.message == STREAMS[name][5:]
    assert hello.end_offset == len(STREAMS[name])


@settings(max_examples=60)
@given(st.lists(st.integers(0, len(CHROME)), max_size=8), st.sampled_from([1, 2, 3, 100, 1000, 16384]))
def test_the_cuts_of_segments_and_records_do_not_matter(
    read_stream: Read, cuts: list[int], record_size: int
) -> None:
    stream = records(CHROME_MESSAGE, record_size)
    edges = [0, *sorted(cuts), len(stream)]
    hello = read_stream(stream[a:b] for a, b in itertools.pairwise(edges))
    assert isinstance(hello, HelloMessage)
    assert hello.message == CHROME_MESSAGE


def test_one_hello_over_records_of_one_byte(feed_badly: Callable[[bytes], object]) -> None:
    hello = feed_badly(records(CHROME_MESSAGE, 1))
    assert isinstance(hello, HelloMessage)
    assert hello.message == CHROME_MESSAGE
    assert hello.records == len(CHROME_MESSAGE)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0303, 0x0304])
def test_the_record_version_is_no_condition(version: int, read_stream: Read) -> None:
    assert isinstance(read_stream([records(CHROME_MESSAGE, 16384, version)]), HelloMessage)


def test_a_hello_of_64_kb_is_read_and_a_longer_one_refused_early(read_stream: Read) -> None:
    largest = hello_of_size(MAX_HELLO_BYTES)
    hello = read_stream([records(largest, 16384)])
    assert isinstance(hello, HelloMessage)
    assert hello.message == largest
    longer = b"\x01" + (MAX_HELLO_BYTES + 1).to_bytes(3, "big")
    assert read_stream([b"\x16\x03\x01\x40\x00" + longer]) == ("hello is longer than 65536 bytes", 6)


def test_second_hello_after_a_retry_is_flagged() -> None:
    reader = ClientHelloReader()
    first = reader.feed(CHROME + CHANGE_CIPHER_SPEC + CHROME)
    second = reader.feed(b"")
    assert first is not None
    assert second is not None
    assert (first.is_second, second.is_second) == (False, True)
    assert second.message == first.message


def test_early_data_between_two_hellos_is_passed_over() -> None:
    body = b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00" + b"\x00\x04\x00\x2a\x00\x00"
    hello = records(b"\x01" + len(body).to_bytes(3, "big") + body, 16384)
    early_data = b"\x17\x03\x03\x00\x10" + bytes(16)
    reader = ClientHelloReader()
    assert reader.feed(hello) is not None
    assert reader.feed(CHANGE_CIPHER_SPEC + early_data + early_data[:9]) is None
    second = reader.feed(early_data[9:] + CHROME)
    assert second is not None
    assert second.is_second


def test_a_reader_is_done_when_application_data_follows() -> None:
    reader = ClientHelloReader()
    assert reader.feed(STREAMS["py-requests"]) is not None
    assert not reader.is_done
    assert reader.feed(CHANGE_CIPHER_SPEC + b"\x17\x03\x03\x00\x10" + bytes(16)) is None
    assert reader.is_done
    assert reader.buffered_bytes == 0


@pytest.mark.parametrize(
    ("stream", "offset"),
    [
        (b"GET / HTTP/1.1\r\n", 0),
        (b"SSH-2.0-OpenSSH_9.2\r\n", 0),
        (b"\x17\x03\x03\x00\x10", 0),
        (b"\x16\x04", 1),
        (b"\x16\x03\x03\x00\x40\x02", 5),
        (b"\x80\x2e\x02\x00\x02", 0),
        (b"\x80\x2e\x01\x07\x02", 3),
        (b"\xff\xfb\x01\xff", 3),
    ],
)
def test_another_protocol_is_no_broken_hello(stream: bytes, offset: int) -> None:
    for pieces in ([stream], [stream[i : i + 1] for i in range(len(stream))]):
        reader = ClientHelloReader()
        with pytest.raises(NotTls) as caught:
            feed_all(reader, pieces)
        assert caught.value.offset in (offset, 0)
        assert reader.is_done


@pytest.mark.parametrize(
    ("stream", "reason", "offset"),
    [
        (b"\x16\x03\x01\x00\x00", "handshake record is empty", 3),
        (b"\x16\x03\x01\x40\x01", "handshake record is longer than 16384 bytes", 3),
        (CHROME[:5] + CHROME_MESSAGE + b"", None, 0),
        (
            records(CHROME_MESSAGE[:500], 500) + CHANGE_CIPHER_SPEC,
            "record of another type inside the hello",
            505,
        ),
        (records(CHROME_MESSAGE[:500], 500) + b"\x16\x02", "record version is not 3.x", 506),
    ],
)
def test_breaks_of_the_record_layer_have_reason_and_offset(
    stream: bytes, reason: str | None, offset: int, feed_badly: Callable[[bytes], object]
) -> None:
    outcome = feed_badly(stream)
    if reason is None:
        assert isinstance(outcome, HelloMessage)
    else:
        assert outcome == (reason, offset)


def test_sslv2_framed_hello_is_recognised(feed_badly: Callable[[bytes], object]) -> None:
    # RFC 5246 appendix E.2: type, version 3.3, lengths 3, 0 and 16, one cipher spec, the challenge.
    message = b"\x01\x03\x03\x00\x03\x00\x00\x00\x10" + b"\x00\x00\x2f" + bytes(range(16))
    outcome = feed_badly(b"\x80" + bytes((len(message),)) + message)
    assert isinstance(outcome, HelloMessage)
    assert outcome.is_sslv2_framed
    assert outcome.message == message


def test_memory_is_bounded_while_a_hello_trickles() -> None:
    reader = ClientHelloReader()
    stream = records(hello_of_size(MAX_HELLO_BYTES), 16384)
    most = 0
    for start in range(0, len(stream), 1400):
        reader.feed(stream[start : start + 1400])
        most = max(most, reader.buffered_bytes)
    assert most <= MAX_HELLO_BYTES + 4


def test_mutated_hellos_give_a_value_or_need_more_or_malformed() -> None:
    rng = random.Random(7)
    for _ in range(1500):
        stream = bytearray(STREAMS["curl-h2"])
        for _ in range(rng.randint(1, 6)):
            stream[rng.randrange(60)] = rng.randrange(256)
        reader = ClientHelloReader()
        try:
            hello = reader.feed(bytes(stream))
        except Malformed:
            continue
        assert hello is None or len(hello.message) <= len(stream)


def resumption(sealed: bytes) -> bytes:
    """What a TLS 1.2 client sends behind its hello when it resumes (RFC 5246 figure 2), then a request."""
    request = b"\x17\x03\x03\x00\x20" + bytes(32)
    return CHANGE_CIPHER_SPEC + b"\x16\x03\x03" + len(sealed).to_bytes(2, "big") + sealed + request


@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize("length_octets", ["000001", "000010", "00ffff", "ffffff"])
def test_a_sealed_finished_that_looks_like_a_hello_is_none(length_octets: str, piece: int) -> None:
    reader = ClientHelloReader()
    assert reader.feed(STREAMS["curl-h2"]) is not None
    stream = resumption(b"\x01" + bytes.fromhex(length_octets) + bytes(range(36)))
    for at in range(0, len(stream), piece):
        assert reader.feed(stream[at : at + piece]) is None
    assert reader.is_done


@pytest.mark.parametrize("after", ["00" * 8, "1603030000", "160301400101", "16020300050101010101", "ff" * 40])
def test_no_hello_is_made_of_what_is_none_behind_the_first(after: str) -> None:
    reader = ClientHelloReader()
    assert reader.feed(STREAMS["curl-h2"]) is not None
    assert reader.feed(bytes.fromhex(after)) is None
    assert reader.is_done


def test_a_broken_second_hello_that_repeats_the_first_s_random_is_malformed() -> None:
    first = STREAMS["curl-h2"]
    reader = ClientHelloReader()
    assert reader.feed(first) is not None
    assert reader.feed(CHANGE_CIPHER_SPEC + records(first[5:105], 16384)) is None
    with pytest.raises(Malformed, match="record of another type inside the hello"):
        reader.feed(b"\x17\x03\x03\x00\x05")


def test_a_second_hello_of_its_own_is_found_if_it_parses() -> None:
    reader = ClientHelloReader()
    assert reader.feed(STREAMS["curl-h2"]) is not None
    second = reader.feed(STREAMS["firefox-esr-headless"])
    assert second is not None
    assert second.is_second
