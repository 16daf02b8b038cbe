"""Where TLS starts behind another protocol, byte by byte from the RFCs."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.wire.address import address_text
from capture_agent.wire.errors import NotTls
from capture_agent.wire.preamble import MAX_PREAMBLE_BYTES, Preamble, read_preamble
from capture_agent.wire.proxy_protocol import V2_SIGNATURE

TLS = b"\x16\x03\x01\x02\x00\x01\x00"

SOCKS4_REQUEST = b"\x04\x01\x01\xbb\x5d\xb8\xd8\x77user\0"
SOCKS4A_REQUEST = b"\x04\x01\x01\xbb\0\0\0\x01\0login.example.com\0"
SOCKS5_NAME = b"\x05\x01\0\x03\x0bexample.org\x01\xbb"
LDAP_START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"
LDAP_SEARCH = bytes.fromhex("300c020101630704000a01000a0100")[:14]
MYSQL_REQUEST = b"\x20\0\0\x01" + struct.pack("<II", 0x00000A8D, 1 << 24) + b"\x21" + bytes(23)
PROXY_V2_TCP4 = (
    V2_SIGNATURE + b"\x21\x11\0\x0c" + bytes((192, 0, 2, 1, 198, 51, 100, 1)) + struct.pack(">HH", 5555, 443)
)

PREAMBLES: list[tuple[str, str | None, bytes]] = [
    ("none", None, b""),
    ("connect", "connect", b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n"),
    ("connect after 407", "connect", b"CONNECT a:443 HTTP/1.1\r\n\r\nCONNECT a:443 HTTP/1.1\r\nX: y\r\n\r\n"),
    ("socks4", "socks4", SOCKS4_REQUEST),
    ("socks4a", "socks4", SOCKS4A_REQUEST),
    ("socks5 name", "socks5", b"\x05\x01\0" + SOCKS5_NAME),
    ("socks5 IPv4", "socks5", b"\x05\x02\0\x02" + b"\x05\x01\0\x01\xc0\0\2\1\x01\xbb"),
    ("socks5 IPv6", "socks5", b"\x05\x01\0" + b"\x05\x01\0\x04" + bytes(16) + b"\x01\xbb"),
    ("socks5 password", "socks5", b"\x05\x01\x02" + b"\x01\x04user\x06secret" + SOCKS5_NAME),
    ("smtp", "smtp", b"EHLO client.example\r\nSTARTTLS\r\n"),
    ("lmtp", "smtp", b"LHLO client.example\r\nstarttls\r\n"),
    ("smtp at once", "smtp", b"STARTTLS\r\n"),
    ("imap", "imap", b"a001 CAPABILITY\r\na002 STARTTLS\r\n"),
    ("imap with id", "imap", b'1 ID ("name" "Thunderbird")\r\n2 STARTTLS\r\n'),
    ("pop3", "pop3", b"CAPA\r\nSTLS\r\n"),
    ("ftp", "ftp", b"FEAT\r\nAUTH TLS\r\n"),
    ("ftp second try", "ftp", b"AUTH SSL\r\nAUTH TLS\r\n"),
    ("ldap", "ldap", LDAP_START_TLS),
    ("ldap after a search", "ldap", LDAP_SEARCH + LDAP_START_TLS),
    ("postgresql", "postgresql", bytes.fromhex("0000000804d2162f")),
    ("postgresql after GSSAPI", "postgresql", bytes.fromhex("0000000804d21630" + "0000000804d2162f")),
    ("mysql", "mysql", MYSQL_REQUEST),
    ("proxy v1", "proxy_v1", b"PROXY TCP4 192.0.2.1 198.51.100.1 5555 443\r\n"),
    ("proxy v1 unknown", "proxy_v1", b"PROXY UNKNOWN\r\n"),
    ("proxy v2", "proxy_v2", PROXY_V2_TCP4),
    ("proxy v2 local", "proxy_v2", V2_SIGNATURE + b"\x20\0\0\0"),
    (
        "proxy v2 with values",
        "proxy_v2",
        V2_SIGNATURE + b"\x21\x11\0\x13" + PROXY_V2_TCP4[16:] + b"\x01\0\x04alpn",
    ),
    ("proxy before smtp", "smtp", PROXY_V2_TCP4 + b"EHLO x\r\nSTARTTLS\r\n"),
]
IDS = [name for name, _, _ in PREAMBLES]


@pytest.mark.parametrize(("label", "name", "octets"), PREAMBLES, ids=IDS)
def test_tls_starts_behind_the_preamble(label: str, name: str | None, octets: bytes) -> None:
    found = read_preamble(octets + TLS)
    assert found is not None
    assert (found.length, found.name) == (len(octets), name)


@pytest.mark.parametrize(("label", "name", "octets"), PREAMBLES, ids=IDS)
def test_every_prefix_of_the_preamble_asks_for_more(label: str, name: str | None, octets: bytes) -> None:
    for size in range(len(octets) + 1):
        assert read_preamble(octets[:size]) is None


@pytest.mark.parametrize(
    ("octets", "src", "src_port", "dst", "dst_port"),
    [
        (b"PROXY TCP4 192.0.2.1 198.51.100.1 5555 443\r\n", "192.0.2.1", 5555, "198.51.100.1", 443),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 5555 443\r\n", "2001:db8::1", 5555, "2001:db8::2", 443),
        (PROXY_V2_TCP4, "192.0.2.1", 5555, "198.51.100.1", 443),
        (
            V2_SIGNATURE + b"\x21\x21\0\x24" + bytes(15) + b"\1" + bytes(15) + b"\2" + b"\0\1\0\2",
            "::1",
            1,
            "::2",
            2,
        ),
    ],
)
def test_the_addresses_of_a_proxy_header_are_recorded(
    octets: bytes, src: str, src_port: int, dst: str, dst_port: int
) -> None:
    found = read_preamble(octets + TLS)
    assert isinstance(found, Preamble)
    proxied = found.proxied
    assert proxied is not None
    assert (address_text(proxied.src), proxied.src_port) == (src, src_port)
    assert (address_text(proxied.dst), proxied.dst_port) == (dst, dst_port)


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"EHLO x\r\nMAIL FROM:<a@b>\r\n",
        b"\x04\x02\0\x50" + bytes(5),
        b"\x05\x00",
        b"\x05\x01\0\x05\x02\0\x01" + bytes(6),
        b"PROXY TCP4 192.0.2.256 198.51.100.1 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 1 99999\r\n",
        b"PROXY " + b"x" * 120,
        V2_SIGNATURE + b"\x31\x11\0\x0c" + bytes(12),
        V2_SIGNATURE + b"\x21\x11\0\x04" + bytes(4),
        bytes.fromhex("0000000804d2162e"),
        b"\x20\0\0\x01" + bytes(32),
        b"\x13BitTorrent protocol",
        bytes(64),
        b"EHLO " + b"x" * 2000,
        b"CONNECT a:443 HTTP/1.1\r\n" + b"X: y\r\n" * 2000,
        b"NOOP\r\n" * (MAX_PREAMBLE_BYTES // 6 + 1),
    ],
)
def test_protocols_that_do_not_lead_to_tls_are_known_by_their_bytes(octets: bytes) -> None:
    with pytest.raises(NotTls):
        read_preamble(octets)


@given(st.binary(max_size=300), st.sampled_from([octets for _, _, octets in PREAMBLES]))
@settings(max_examples=300, deadline=None)
def test_anything_gives_a_place_need_more_or_not_tls(tail: bytes, head: bytes) -> None:
    for octets in (tail, head + tail, head[: len(tail)] + tail):
        found = None
        with suppress(NotTls):
            found = read_preamble(octets)
        assert found is None or 0 <= found.length <= len(octets)
