from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.events import Transport
from capture_agent.fingerprint.ja3 import ja3_of
from capture_agent.fingerprint.ja4 import ja4_of
from capture_agent.fingerprint.skeleton import skeleton
from capture_agent.wire.client_hello import ClientHello, parse_client_hello

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "client_hello").glob("*.json"))
MESSAGES = {
    path.stem: bytes.fromhex(case["stream"])[5:]
    for path in VECTORS
    if "stream" in (case := json.loads(path.read_text()))
}
SECRET = b"\xa5"


def blanked(extensions: tuple[tuple[int, bytes], ...]) -> dict[int, bytes]:
    hello = ClientHello(0x0303, SECRET * 32, SECRET * 32, None, (0x1301,), b"\0", extensions)
    result = parse_client_hello(skeleton(hello, hello.serialise()))
    assert result.extensions is not None
    assert result.random == bytes(32)
    assert result.session_id == bytes(32)
    return dict(result.extensions)


def body(head: str, *parts: str | int) -> bytes:
    """Hex text as it stands, numbers as so many secret bytes."""
    return bytes.fromhex(head) + b"".join(
        SECRET * part if isinstance(part, int) else bytes.fromhex(part) for part in parts
    )


def zeroed(secret: bytes) -> bytes:
    return secret.replace(SECRET, b"\0")


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        # RFC 8446 sections 4.2.8, 4.2.11, 4.2.2; RFC 7685, 5077, 9849, 5054, 9146, 5746, 9000 section 18
        (0x0033, body("002b", "1a1a0001", 1, "001d0020", 32, "00170002", 2)),
        (0x0029, body("0014", "000e", 14, 4, "0011", "10", 16)),
        (0x002C, body("0010", 16)),
        (0x0015, body("", 40)),
        (0x0023, body("", 120)),
        (0xFE0D, body("00", "00010001", 1, "0020", 32, "0090", 144)),
        (0x000C, body("", 9)),
        (0x0036, body("08", 8)),
        (0xFF01, body("0c", 12)),
        (0xFFCE, body("", 60)),
        (0x0039, body("04048000ffff", "0f08", 8, "0e0108")),
    ],
    ids=lambda value: f"{value:#06x}" if isinstance(value, int) else "",
)
def test_the_secret_goes_and_every_length_stays(kind: int, secret: bytes) -> None:
    assert blanked(((kind, secret),))[kind] == zeroed(secret)


@pytest.mark.parametrize("kind", [0x0033, 0x0029, 0xFE0D, 0x0039, 0x0036, 0x002C, 0xFF01])
@given(data=st.binary(max_size=60))
@settings(max_examples=40)
def test_a_body_that_breaks_its_grammar_keeps_its_length(kind: int, data: bytes) -> None:
    assert len(blanked(((kind, data),))[kind]) == len(data)


def test_bytes_behind_a_false_length_are_blank() -> None:
    assert blanked(((0x0033, body("0004", "001dffff", 20)),))[0x0033] == body("0004", "001dffff") + bytes(20)


@pytest.mark.parametrize("name", MESSAGES)
def test_fingerprints_of_hello_and_skeleton_are_equal(name: str) -> None:
    message = MESSAGES[name]
    hello = parse_client_hello(message)
    bones = skeleton(hello, message)
    again = parse_client_hello(bones)
    assert len(bones) == len(message)
    assert ja4_of(again, Transport.TCP) == ja4_of(hello, Transport.TCP)
    assert ja3_of(again) == ja3_of(hello)
    assert skeleton(again, bones) == bones


u16 = st.integers(0, 0xFFFF)
kinds = u16 | st.sampled_from([0, 10, 11, 13, 16, 21, 35, 41, 42, 43, 44, 51, 0x39, 0xFE0D, 0xFF01, 0x1A1A])
hellos = st.builds(
    ClientHello,
    legacy_version=u16,
    random=st.binary(min_size=32, max_size=32),
    session_id=st.binary(max_size=32),
    cookie=st.none() | st.binary(max_size=30),
    cipher_suites=st.lists(u16, max_size=30).map(tuple),
    compression_methods=st.binary(max_size=3),
    extensions=st.none() | st.lists(st.tuples(kinds, st.binary(max_size=40)), max_size=15).map(tuple),
)


@settings(max_examples=150)
@given(hellos)
def test_fingerprints_of_any_hello_and_its_skeleton_are_equal(hello: ClientHello) -> None:
    message = hello.serialise()
    bones = skeleton(hello, message)
    again = parse_client_hello(bones, is_dtls=hello.cookie is not None)
    assert len(bones) == len(message)
    for transport in Transport:
        assert ja4_of(again, transport) == ja4_of(hello, transport)
    assert ja3_of(again) == ja3_of(hello)
    assert [kind for kind, _ in again.extensions or ()] == [kind for kind, _ in hello.extensions or ()]


def test_a_post_quantum_hello_compresses_to_a_fraction() -> None:
    message = MESSAGES["chromium-headless-new"]
    bones = skeleton(parse_client_hello(message), message)
    assert len(zlib.compress(message)) > 1400
    assert len(zlib.compress(bones)) < len(message) // 5
