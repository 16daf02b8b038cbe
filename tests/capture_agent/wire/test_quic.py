"""QUIC packets are sealed here by the RFC's rules, with `cryptography`, independently of the reader."""

from __future__ import annotations

import itertools
import json
from hashlib import sha256
from hmac import digest
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.client_hello import parse_client_hello
from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.quic import MAX_DATAGRAMS, InitialAssembler, full_packet_number
from capture_agent.wire.quic_packet import starts_initial

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "client_hello").glob("h3-*.json"))

V1, V2, DRAFT_29, DRAFT_34 = 1, 0x6B3343CF, 0xFF00001D, 0xFF000022
SALTS = {
    V1: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    DRAFT_34: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    DRAFT_29: "afbfec289993d24c9e9786f19c6111e04390a899",
    V2: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
}
DCID = bytes.fromhex("8394c8f03e515708")
RFC_9001_CRYPTO_FRAME = bytes.fromhex(
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
    "1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007"
    "000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f5"
    "0f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f0"
    "3e51570806048000ffff"
)
HELLO = RFC_9001_CRYPTO_FRAME[4:]


def expand(secret: bytes, label: str, size: int) -> bytes:
    full = b"tls13 " + label.encode()
    return digest(secret, size.to_bytes(2, "big") + bytes((len(full),)) + full + b"\0\1", sha256)[:size]


def varint(value: int) -> bytes:
    return (value | 0x80000000).to_bytes(4, "big") if value > 0x3FFF else (value | 0x4000).to_bytes(2, "big")


def initial(
    frames: bytes,
    number: int = 2,
    *,
    dcid: bytes = DCID,
    keys_of: bytes | None = None,
    version: int = V1,
    size: int = 1162,
    token: bytes = b"",
    number_size: int = 4,
    is_fixed_bit_set: bool = True,
) -> bytes:
    """A sealed Initial packet of a client; `size` is that of the padded frames."""
    prefix = "quicv2" if version == V2 else "quic"
    secret = expand(digest(bytes.fromhex(SALTS[version]), keys_of or dcid, sha256), "client in", 32)
    plain = frames.ljust(size, b"\0")
    first = (0x90 if version == V2 else 0x80) | 0x40 * is_fixed_bit_set | number_size - 1
    head = bytes((first,)) + version.to_bytes(4, "big") + bytes((len(dcid),)) + dcid + b"\0"
    head += (bytes((len(token),)) if len(token) < 64 else varint(len(token))) + token
    head += varint(len(plain) + 16 + number_size)
    truncated = (number & (1 << 8 * number_size) - 1).to_bytes(number_size, "big")
    nonce = int.from_bytes(expand(secret, f"{prefix} iv", 12), "big") ^ number
    sealed = AESGCM(expand(secret, f"{prefix} key", 16)).encrypt(
        nonce.to_bytes(12, "big"), plain, head + truncated
    )
    sample = (truncated + sealed)[4:20]
    cipher = Cipher(algorithms.AES(expand(secret, f"{prefix} hp", 16)), modes.ECB())  # noqa: S305 - RFC 9001
    mask = cipher.encryptor().update(sample)
    masked = bytes(a ^ b for a, b in zip(truncated, mask[1:], strict=False))
    return bytes((head[0] ^ mask[0] & 0x0F,)) + head[1:] + masked + sealed


def crypto(offset: int, octets: bytes) -> bytes:
    return b"\x06" + varint(offset) + varint(len(octets)) + octets


def read_all(*datagrams: bytes) -> HelloMessage | None:
    assembler = InitialAssembler()
    for datagram in datagrams:
        hello = assembler.feed(datagram)
        if hello is not None:
            return hello
    return None


def found(*datagrams: bytes) -> bytes | None:
    hello = read_all(*datagrams)
    return None if hello is None else hello.message


def test_the_sealer_of_this_file_gives_the_packet_of_rfc_9001_appendix_a2() -> None:
    packet = initial(RFC_9001_CRYPTO_FRAME)
    assert len(packet) == 1200
    assert packet[:22].hex() == "c000000001088394c8f03e5157080000449e7b9aec34"
    assert packet[22:38].hex() == "d1b1c98dd7689fb8ec11d242b123dc9b"
    assert packet[-16:].hex() == "e221af44860018ab0856972e194cd934"


def test_the_packet_of_rfc_9001_appendix_a2_is_read() -> None:
    hello = read_all(initial(RFC_9001_CRYPTO_FRAME))
    assert hello is not None
    assert hello.message == HELLO
    assert (hello.records, hello.datagrams) == (1, 1)
    assert parse_client_hello(hello.message).sni == b"example.com"


@pytest.mark.parametrize("version", [V1, V2, DRAFT_29, DRAFT_34])
def test_every_version_is_opened_with_its_own_keys(version: int) -> None:
    assert found(initial(RFC_9001_CRYPTO_FRAME, version=version)) == HELLO


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_real_clients_are_read(path: Path) -> None:
    case = json.loads(path.read_text())
    hello = read_all(*map(bytes.fromhex, case["datagrams"]))
    assert hello is not None
    parsed = parse_client_hello(hello.message)
    assert parsed.sni == case["expect"]["sni"].encode()
    assert parsed.serialise() == hello.message


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_order_of_crypto_frames_and_packets_does_not_matter(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(HELLO) - 1), max_size=12)))
    edges = [0, *cuts, len(HELLO)]
    pieces = [(a, HELLO[a:b]) for a, b in itertools.pairwise(edges)]
    shuffled = data.draw(st.permutations(pieces))
    per_packet = data.draw(st.integers(1, 4))
    ack = bytes.fromhex("0200000000")
    between = data.draw(st.sampled_from([b"", b"\x01", b"\x00\x00", ack, b"\x00\x01"]))
    packets = [
        initial(
            between.join(crypto(offset, octets) for offset, octets in shuffled[i : i + per_packet]) + between,
            number=i,
        )
        for i in range(0, len(shuffled), per_packet)
    ]
    assert found(*packets) == HELLO
    # The same packets as one capture record: what UDP generic segmentation offload shows.
    assert found(b"".join(packets)) == HELLO


@pytest.mark.parametrize("number_size", [1, 2, 3, 4])
def test_packet_numbers_of_every_size_are_read(number_size: int) -> None:
    first = initial(crypto(0, HELLO[:100]), 250, number_size=number_size)
    if number_size == 1:
        assert found(initial(crypto(0, HELLO), 250, number_size=1)) == HELLO
    assert found(first, initial(crypto(100, HELLO[100:]), 260, number_size=max(number_size, 2))) == HELLO


def test_a_hello_over_two_datagrams_counts_both() -> None:
    hello = read_all(initial(crypto(0, HELLO[:100]), 0), initial(crypto(100, HELLO[100:]), 1))
    assert hello is not None
    assert (hello.records, hello.datagrams) == (2, 2)


def test_a_retry_changes_the_keys() -> None:
    first = initial(crypto(0, HELLO[:100]), 0)
    after_retry = initial(crypto(0, HELLO), 1, dcid=b"chosen-by-server", token=bytes(80))
    assert found(first, after_retry) == HELLO


def test_after_the_servers_answer_the_first_keys_stay() -> None:
    first = initial(crypto(0, HELLO[:100]), 0)
    answered = initial(crypto(100, HELLO[100:]), 1, dcid=b"serverid", keys_of=DCID)
    assert found(first, answered) == HELLO


def test_a_hello_repeated_after_a_retry_is_given_once() -> None:
    assembler = InitialAssembler()
    assert assembler.feed(initial(crypto(0, HELLO), 0)) is not None
    assert assembler.feed(initial(crypto(0, HELLO), 1, dcid=b"chosen-by-server")) is None


def test_second_hello_is_flagged() -> None:
    assembler = InitialAssembler()
    first = assembler.feed(initial(crypto(0, HELLO), 0))
    second = assembler.feed(initial(crypto(len(HELLO), HELLO), 1))
    assert first is not None
    assert second is not None
    assert (first.is_second, second.is_second) == (False, True)


def test_early_data_in_front_and_behind_is_passed_over() -> None:
    zero_rtt = b"\xd0" + V1.to_bytes(4, "big") + b"\x08" + DCID + b"\0" + varint(100) + bytes(100)
    half = initial(crypto(0, HELLO[:100]), 0, size=300)
    rest = initial(crypto(100, HELLO[100:]), 1, size=300)
    assert found(half + zero_rtt + rest) == HELLO
    assert found(zero_rtt + half, rest + zero_rtt) == HELLO


def test_a_second_datagram_behind_a_short_header_packet_is_found() -> None:
    short_header = b"\x4a" + bytes(range(60))
    first = initial(crypto(0, HELLO[:100]), 0) + short_header
    assert found(first + initial(crypto(100, HELLO[100:]), 1)) == HELLO


def test_rubbish_behind_a_packet_is_ignored() -> None:
    assert found(initial(crypto(0, HELLO), 0) + b"\xc0\x00\x00\x00\x01\x63rubbish") == HELLO


def test_forged_packets_do_not_disturb() -> None:
    forged = initial(crypto(0, b"\x02forged"), 0, keys_of=b"wrong keys")
    assert found(forged, initial(crypto(0, HELLO), 0)) == HELLO


def test_bytes_that_came_first_stay() -> None:
    other = bytes(len(HELLO) - 100)
    first = initial(crypto(0, HELLO[:120]), 0)
    overlap = initial(crypto(100, other[:20] + HELLO[120:]), 1)
    assert found(first, overlap) == HELLO


def test_a_packet_with_a_cleared_fixed_bit_is_read() -> None:
    packet = initial(crypto(0, HELLO), is_fixed_bit_set=False)  # RFC 9287 section 3
    assert not packet[0] & 0x40
    assert starts_initial(packet)
    assert found(packet) == HELLO


def test_the_start_of_a_flow_is_known_by_its_first_bytes() -> None:
    assert starts_initial(initial(crypto(0, HELLO)))
    assert not starts_initial(b"\x40" + bytes(1200))
    assert not starts_initial(b"\xc0\x00\x00\x00\x00\x08" + bytes(1200))
    assert not starts_initial(b"")


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (b"\x08\x00", "frame type is not allowed in an Initial packet"),
        (b"\x06\x00\x45\x00", "CRYPTO frame runs over the end"),
        (b"\x02\x00\x00\x7f\xff", "runs over the end"),
        (crypto(0, b"\x02\x00\x00\x01\x00"), "handshake type is not client_hello"),
        (crypto(0, b"\x01\x02\x00\x00\x00"), "hello is longer than 65536 bytes"),
        (crypto(1 << 20, b"far"), "hello is longer than 65536 bytes"),
    ],
)
def test_breaks_inside_a_sealed_packet_are_the_clients(frames: bytes, reason: str) -> None:
    assembler = InitialAssembler()
    with pytest.raises(Malformed, match=reason):
        assembler.feed(initial(frames, size=max(len(frames), 20)))
    assert assembler.is_done


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\xc0\x00\x00\x00\x01\x15" + bytes(40), "connection id is longer than 20 bytes"),
        (b"\xc0\x00\x00\x00\x01\x08" + bytes(9) + b"\x00\x7f\xff", "packet runs over the end"),
        (b"\xc0\x00\x00\x00\x01\x08" + bytes(9) + b"\x00\x05" + bytes(5), "packet is too short"),
        (b"\xc0\x00\x00\x00\x01\x08\x00", "connection id runs over the end"),
    ],
)
def test_breaks_of_the_header_have_a_reason(datagram: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        InitialAssembler().feed(datagram)


def test_many_tiny_islands_are_refused() -> None:
    frames = [b"\x06" + varint(2 * i + 1) + b"\x01x" for i in range(5000)]
    packets = [initial(b"".join(frames[i : i + 200]), i) for i in range(0, len(frames), 200)]
    with pytest.raises(Malformed, match="too many pieces"):
        read_all(*packets)


def test_a_flow_without_a_hello_is_given_up() -> None:
    assembler = InitialAssembler()
    for number in range(MAX_DATAGRAMS):
        assert assembler.feed(initial(b"\x01", number, size=24)) is None
    assert assembler.is_done


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 1199))
def test_hostile_datagrams_give_nothing_or_malformed(noise: bytes, at: int) -> None:
    packet = bytearray(initial(RFC_9001_CRYPTO_FRAME))
    packet[at : at + len(noise)] = noise
    for datagram in (bytes(packet), noise, b"\xc0\x00\x00\x00\x01" + noise):
        try:
            InitialAssembler().feed(datagram)
        except Malformed:
            continue


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_hostile_frames_give_nothing_or_malformed(frames: bytes) -> None:
    try:
        InitialAssembler().feed(initial(frames, size=max(len(frames), 24)))
    except Malformed:
        return


def test_packet_numbers_are_decoded_as_in_rfc_9000_appendix_a3() -> None:
    assert full_packet_number(0x9B32, 2, 0xA82F30EA) == 0xA82F9B32


def test_a_given_hello_is_held_no_longer() -> None:
    assembler = InitialAssembler()
    assembler.feed(initial(crypto(0, HELLO[:100]), 0))
    assert assembler.buffered_bytes == 100
    assert assembler.feed(initial(crypto(50, HELLO[50:] + HELLO[:7]), 1)) is not None
    assert assembler.buffered_bytes == 7
    second = assembler.feed(initial(crypto(len(HELLO) - 9, HELLO[-9:] + HELLO), 2))
    assert second is not None
    assert second.message == HELLO
    assert assembler.buffered_bytes == 0
