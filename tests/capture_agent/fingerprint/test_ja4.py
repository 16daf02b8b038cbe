"""Expected values are those of the published rules: FoxIO technical_details/JA4.md unless stated."""

from __future__ import annotations

from dataclasses import replace

import pytest

from capture_agent.events import Transport
from capture_agent.fingerprint.ja4 import alpn_letters, ja4_of
from capture_agent.wire.client_hello import ClientHello


def u16s(*values: int) -> bytes:
    return b"".join(value.to_bytes(2, "big") for value in values)


def list16(*values: int) -> bytes:
    return (2 * len(values)).to_bytes(2, "big") + u16s(*values)


def versions(*values: int) -> bytes:
    return bytes((2 * len(values),)) + u16s(*values)


def hexes(text: str) -> tuple[int, ...]:
    return tuple(int(value, 16) for value in text.split(","))


ALPN_H2 = b"\x00\x03\x02h2"
SNI = b"\x00\x0e\x00\x00\x0bexample.com"
SPEC_SUITES = hexes("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035")
SPEC_EXTENSIONS = hexes("001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015")
SPEC_SCHEMES = hexes("0403,0804,0401,0503,0805,0501,0806,0601")
BODIES = {
    0x0000: SNI,
    0x0010: ALPN_H2,
    0x000D: list16(*SPEC_SCHEMES),
    0x002B: versions(0x0304, 0x0303),
    0x000A: list16(0x001D, 0x0017),
}


def hello(
    suites: tuple[int, ...] = SPEC_SUITES,
    extensions: tuple[int, ...] | None = SPEC_EXTENSIONS,
    bodies: dict[int, bytes] | None = None,
    legacy_version: int = 0x0303,
) -> ClientHello:
    every = {**BODIES, **(bodies or {})}
    return ClientHello(
        legacy_version=legacy_version,
        random=bytes(32),
        session_id=b"",
        cookie=None,
        cipher_suites=suites,
        compression_methods=b"\0",
        extensions=None if extensions is None else tuple((kind, every.get(kind, b"")) for kind in extensions),
    )


def ja4(client_hello: ClientHello, transport: Transport = Transport.TCP) -> str:
    return ja4_of(client_hello, transport).ja4


def with_grease(values: tuple[int, ...]) -> tuple[int, ...]:
    return (0x2A2A, *values, 0xFAFA)


def test_the_published_example() -> None:
    forms = ja4_of(hello(), Transport.TCP)
    assert forms.ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1"
    assert forms.ja4_o == "t13d1516h2_acb858a92679_18f69afefd3d"
    assert forms.ja4_r == (
        "t13d1516h2_"
        "002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_"
        "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_"
        "0403,0804,0401,0503,0805,0501,0806,0601"
    )


def test_without_signature_algorithms_there_is_no_underscore() -> None:
    forms = ja4_of(hello(bodies={0x000D: b""}), Transport.TCP)
    assert forms.ja4.endswith("_6d807ffa2a79")
    assert forms.ja4_r.endswith(",4469,ff01")


def test_grease_goes_from_every_list() -> None:
    greased = hello(
        suites=with_grease(SPEC_SUITES),
        extensions=with_grease(SPEC_EXTENSIONS),
        bodies={
            0x002B: versions(0x7A7A, 0x0304, 0x0303),
            0x000D: list16(0x0A0A, *SPEC_SCHEMES),
        },
    )
    assert ja4_of(greased, Transport.TCP) == ja4_of(hello(), Transport.TCP)


def test_0xeeee_is_no_grease_and_0xeaea_is() -> None:
    assert ja4(hello(suites=(*SPEC_SUITES, 0xEAEA))) == ja4(hello())
    assert ja4(hello(suites=(*SPEC_SUITES, 0xEEEE))).startswith("t13d16")
    assert ja4(hello(suites=(*SPEC_SUITES, 0xEFEF, 0xEDED, 0xEAEB))).startswith("t13d18")


@pytest.mark.parametrize(
    ("legacy", "offered", "letters"),
    [
        (0x0303, (0x0304, 0x0303), "13"),
        (0x0303, (0x0302, 0x0303), "12"),
        (0x0303, (0x3A3A,), "12"),
        (0x0303, None, "12"),
        (0x0302, None, "11"),
        (0x0301, None, "10"),
        (0x0300, None, "s3"),
        (0x0002, None, "s2"),
        (0x0305, None, "00"),
        (0x0303, (0x7F1C, 0x0303), "00"),
        (0xFEFF, None, "d1"),
        (0xFEFD, None, "d2"),
        (0xFEFD, (0xFEFC,), "d3"),
        (0xFEFD, (0xFEFC, 0xFEFD), "d2"),
    ],
)
def test_version_is_the_highest_value_of_supported_versions_else_of_the_handshake(
    legacy: int, offered: tuple[int, ...] | None, letters: str
) -> None:
    if offered is None:
        client_hello = hello(extensions=(0x0017,), legacy_version=legacy)
    else:
        client_hello = hello(extensions=(0x002B,), bodies={0x002B: versions(*offered)}, legacy_version=legacy)
    assert ja4(client_hello)[1:3] == letters


def test_sni_flag_is_the_presence_of_the_extension() -> None:
    assert ja4(hello(bodies={0x0000: b"\xff\xffunreadable"}))[3] == "d"
    ip_literal = b"\x00\x0c\x00\x00\x09127.0.0.1"
    assert ja4(hello(bodies={0x0000: ip_literal}))[3] == "d"
    assert ja4(hello(extensions=(0x002B,)))[3] == "i"


@pytest.mark.parametrize(
    ("protocol", "letters"),
    [
        ("ab", "ab"),
        ("abcd", "ad"),
        ("30ab", "3b"),
        ("3031abcd", "3d"),
        ("30abcd31", "01"),
    ],
)
def test_alpn_examples_of_the_specification(protocol: str, letters: str) -> None:
    assert alpn_letters((bytes.fromhex(protocol),)) == letters


@pytest.mark.parametrize(
    ("protocols", "letters"),
    [
        ((b"h2", b"http/1.1"), "h2"),
        ((b"http/1.1",), "h1"),
        ((b"x",), "xx"),
        ((b"",), "00"),
        ((), "00"),
        ((b"\x61\x20",), "60"),
        ((b"\xba\xad",), "bd"),
        ((b"\x0a\x0a",), "0a"),
        ((b"Z-9",), "Z9"),
    ],
)
def test_alpn_is_first_and_last_byte_of_the_first_protocol(
    protocols: tuple[bytes, ...], letters: str
) -> None:
    assert alpn_letters(protocols) == letters


def test_counts_are_capped_at_99() -> None:
    many = ja4(hello(suites=tuple(range(1, 151)), extensions=tuple(range(0x100, 0x100 + 120))))
    assert many.startswith("t12i9999")


def test_sni_and_alpn_are_counted_but_not_hashed() -> None:
    without = tuple(kind for kind in SPEC_EXTENSIONS if kind not in (0x0000, 0x0010))
    assert ja4(hello(extensions=without)) == "t13i151400_8daaf6152771_e5627efa2ab1"


def test_empty_lists_are_zeros() -> None:
    assert ja4(hello(suites=(), extensions=None)) == "t12i000000_000000000000_000000000000"
    assert ja4(hello(suites=(0x1A1A,), extensions=(0x0000, 0x0010))) == (
        "t12d0002h2_000000000000_000000000000"
    )
    assert ja4_of(hello(suites=(), extensions=None), Transport.TCP).ja4_r == "t12i000000__"


def test_signature_algorithms_cert_is_not_read() -> None:
    certificates_only = hello(extensions=(0x0032, 0x002B), bodies={0x0032: list16(0x0403)})
    assert ja4_of(certificates_only, Transport.TCP).ja4_r.endswith("_002b,0032")


def test_signalling_suites_and_private_ones_count() -> None:
    assert ja4(hello(suites=(0x00FF, 0x5600, 0xFE00, 0xFEFF, 0x1301))).startswith("t13d05")


@pytest.mark.parametrize(
    ("transport", "letter"), [(Transport.TCP, "t"), (Transport.QUIC, "q"), (Transport.DTLS, "d")]
)
def test_the_first_letter_is_the_transport(transport: Transport, letter: str) -> None:
    assert ja4(hello(), transport)[0] == letter


# Published values of Chrome releases; the plain one's other extensions and schemes were found by
# recomputing its hash (traps 14).
CHROME = hexes("0000,0005,000a,000b,000d,0010,0012,0017,001b,0023,002b,002d,0033,4469,fe0d,ff01")
CHROME_STABLE = "t13d1515h2_8daaf6152771_d32726be76dc"


@pytest.mark.parametrize(
    ("extensions", "exact", "stable"),
    [
        (CHROME, "t13d1516h2_8daaf6152771_02713d6af862", CHROME_STABLE),
        ((*CHROME, 0x0015), "t13d1517h2_8daaf6152771_b1ff8ab2d16f", CHROME_STABLE),
        ((*CHROME, 0x0029), "t13d1517h2_8daaf6152771_b0da82dd1658", CHROME_STABLE),
        (
            tuple(0x44CD if kind == 0x4469 else kind for kind in CHROME),
            "t13d1516h2_8daaf6152771_d8a2da3f94cd",
            "t13d1515h2_8daaf6152771_31ec0a762479",
        ),
    ],
    ids=["plain", "padding", "pre_shared_key", "newer ALPS"],
)
def test_resumption_and_padding_leave_the_stable_form(
    extensions: tuple[int, ...], exact: str, stable: str
) -> None:
    forms = ja4_of(hello(extensions=extensions), Transport.TCP)
    assert (forms.ja4, forms.ja4_stable) == (exact, stable)


def test_the_stable_form_ignores_ticket_and_early_data_too() -> None:
    plain = tuple(kind for kind in CHROME if kind != 0x0023)
    assert ja4_of(hello(extensions=plain), Transport.TCP).ja4 == CHROME_STABLE
    assert ja4_of(hello(extensions=(*plain, 0x002A)), Transport.TCP).ja4_stable == CHROME_STABLE


def test_lists_too_long_to_remember_have_the_same_value() -> None:
    short = hello(suites=SPEC_SUITES)
    assert ja4_of(replace(short, cipher_suites=SPEC_SUITES * 20), Transport.TCP).ja4.startswith("t13d99")
