"""The compiled hello parser against the reference: same values, same errors, whatever the bytes."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.compiled import facts as compiled
from capture_agent.events import Transport
from capture_agent.fingerprint import hello_facts as reference
from capture_agent.fingerprint.hello_facts import HelloFacts
from capture_agent.wire.errors import Malformed
from sample_traffic.recorded import RECORDING, client_handshakes

RECORD_HEADER_BYTES = 5
TRANSPORTS = st.sampled_from(list(Transport))


@cache
def recorded_hellos() -> tuple[bytes, ...]:
    """Every ClientHello message of the bundled recording, browsers' permutations included."""
    files = sorted((RECORDING / "pcaps").glob("*.pcap"))
    records = {shake.hello_record for path in files for shake in client_handshakes(path)}
    return tuple(sorted(record[RECORD_HEADER_BYTES:] for record in records))


def outcome(read: object, message: bytes, transport: Transport) -> HelloFacts | tuple[str, int]:
    try:
        facts: HelloFacts = read(message, transport)  # type: ignore[operator]
    except Malformed as error:
        return error.reason, error.offset
    return facts


def same_outcome(message: bytes, transport: Transport) -> HelloFacts | tuple[str, int]:
    expected = outcome(reference.hello_facts, message, transport)
    assert outcome(compiled.hello_facts, message, transport) == expected
    return expected


def with_length(body: bytes) -> bytes:
    return b"\x01" + len(body).to_bytes(3, "big") + body


def test_every_recorded_hello_gives_the_reference_s_facts() -> None:
    hellos = recorded_hellos()
    assert len(hellos) > 100
    for message in hellos:
        for transport in (Transport.TCP, Transport.QUIC):
            assert isinstance(same_outcome(message, transport), HelloFacts)


@st.composite
def mutated_hellos(draw: st.DrawFn) -> bytes:
    body = bytearray(draw(st.sampled_from(recorded_hellos()))[4:])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(body) - 1))
        kind = draw(st.sampled_from(("change", "remove", "insert", "truncate")))
        if kind == "change":
            body[at] = draw(st.integers(0, 255))
        elif kind == "remove" and len(body) > 8:
            del body[at : at + draw(st.integers(1, 4))]
        elif kind == "insert":
            body[at:at] = draw(st.binary(min_size=1, max_size=4))
        elif len(body) > 8:
            del body[max(at, 8) :]
    return with_length(bytes(body))


@settings(max_examples=1500, deadline=None)
@given(message=mutated_hellos(), transport=TRANSPORTS)
def test_mutated_hellos_give_the_reference_s_facts_or_error(message: bytes, transport: Transport) -> None:
    same_outcome(message, transport)


def vector16(values: list[int]) -> bytes:
    packed = b"".join(value.to_bytes(2, "big") for value in values)
    return len(packed).to_bytes(2, "big") + packed


NUMBERS = st.sampled_from((0x0A0A, 0xFAFA, 0xEEEE, 0x0000, 0x1301, 0xC02B, 0x00FF, 0xFE0D, 0x11EC, 0x4469))
EXTENSION_KINDS = (
    *(0, 5, 10, 11, 12, 13, 16, 0x15, 0x17, 0x1B, 0x23, 0x28, 0x29, 0x2A, 0x2B, 0x2C, 0x2D, 0x31, 0x33),
    *(0x35, 0x36, 0x39, 0x0A0A, 0x4469, 0x44CD, 0xEEEE, 0xFE0D, 0xFF01, 0xFFA5, 0xFFCE),
)
BODIES = st.one_of(
    st.binary(max_size=24),
    st.lists(NUMBERS, max_size=70).map(vector16),
    st.lists(st.sampled_from((0x0304, 0x0303, 0x2A2A, 0xFEFC, 0x7F1C)), max_size=4).map(
        lambda versions: vector16(versions)[1:]
    ),
    st.lists(st.sampled_from((b"h2", b"http/1.1", b"", b"\xba\xad", b"a", b'x"y')), max_size=18).map(
        lambda names: (
            vector16([])[:0]
            + sum(len(name) + 1 for name in names).to_bytes(2, "big")
            + b"".join(bytes((len(name),)) + name for name in names)
        )
    ),
    st.sampled_from(
        (b"shop.test", b"127.0.0.1", b"", b"a\x00b", b"[::1]", b"x" * 300, b"caf\xc3\xa9.test")
    ).map(lambda name: (len(name) + 3).to_bytes(2, "big") + b"\0" + len(name).to_bytes(2, "big") + name),
)


@st.composite
def built_hellos(draw: st.DrawFn) -> bytes:
    extensions = draw(st.lists(st.tuples(st.sampled_from(EXTENSION_KINDS), BODIES), max_size=70))
    block = b"".join(
        kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body for kind, body in extensions
    )
    session_id = draw(st.binary(max_size=32))
    return with_length(
        draw(st.sampled_from((b"\x03\x03", b"\x03\x00", b"\x00\x02", b"\xfe\xfd")))
        + bytes(range(32))
        + bytes((len(session_id),))
        + session_id
        + vector16(draw(st.lists(NUMBERS, max_size=200)))
        + draw(st.sampled_from((b"\x01\x00", b"\x00", b"\x02\x01\x00")))
        + (len(block).to_bytes(2, "big") + block if extensions or draw(st.booleans()) else b"")
    )


@settings(max_examples=1500, deadline=None)
@given(message=built_hellos(), transport=TRANSPORTS)
def test_built_hellos_of_any_shape_give_the_reference_s_facts(message: bytes, transport: Transport) -> None:
    same_outcome(message, transport)
