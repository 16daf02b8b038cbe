"""What a client says in another protocol before it starts TLS on the same stream.

Only the client's half is read: that TLS follows is the proof that the server agreed. Every reader takes
the bytes from the start of its protocol and gives the length up to which they were understood, or None
for need-more; it raises NotTls as soon as the bytes cannot lead to TLS. Sources: RFC 9110 section 9.3.6
(CONNECT), SOCKS 4 and 4A, RFC 1928 and 1929 (SOCKS 5), RFC 4511 section 4.14 (LDAP), PostgreSQL manual
section 55.2.10, MySQL internals "Protocol::SSLRequest".
"""

from __future__ import annotations

from capture_agent.wire.errors import NotTls

MAX_CONNECT_BYTES = 8192
CONNECT_START = b"CONNECT "
_HEADER_END = b"\r\n\r\n"
_SOCKS_CONNECT = 1
_SOCKS5_ADDRESS_BYTES = {1: 4, 4: 16}
_SOCKS5_DOMAIN = 3
_LDAP_EXTENDED_REQUEST = 0x77
_LDAP_START_TLS = b"1.3.6.1.4.1.1466.20037"
_MAX_LDAP_BYTES = 4096
_POSTGRESQL_SSL_REQUEST = bytes.fromhex("0000000804d2162f")
_POSTGRESQL_GSS_REQUEST = bytes.fromhex("0000000804d21630")
_MYSQL_SSL_REQUEST_START = b"\x20\0\0\x01"
_MYSQL_SSL_REQUEST_BYTES = 36
_MYSQL_CLIENT_SSL = 0x0800


def read_connect(octets: bytes) -> int | None:
    """An HTTP/1 CONNECT request up to its empty line."""
    _require_start(octets, CONNECT_START)
    end = octets.find(_HEADER_END, 0, MAX_CONNECT_BYTES)
    if end >= 0:
        return end + len(_HEADER_END)
    if len(octets) >= MAX_CONNECT_BYTES:
        raise NotTls("CONNECT request is longer than 8192 bytes", MAX_CONNECT_BYTES)
    return None


def read_socks4(octets: bytes) -> int | None:
    """A SOCKS 4 or 4A request: a user name, and with address 0.0.0.x a host name, each ended by a zero."""
    if len(octets) > 1 and octets[1] != _SOCKS_CONNECT:
        raise NotTls("SOCKS request is no CONNECT", 1)
    end = octets.find(b"\0", 8)
    if end < 0:
        return None
    if octets[4:7] == b"\0\0\0" and octets[7]:
        end = octets.find(b"\0", end + 1)
        if end < 0:
            return None
    return end + 1


def read_socks5(octets: bytes) -> int | None:
    """Greeting, optional user name and password, request."""
    if len(octets) < 2:
        return None
    at = 2 + octets[1]
    if not octets[1]:
        raise NotTls("SOCKS greeting offers no method", 1)
    if len(octets) > at and octets[at] == 1:
        if len(octets) < at + 2:
            return None
        at += 2 + octets[at + 1]
        if len(octets) < at + 1:
            return None
        at += 1 + octets[at]
    if len(octets) > at and octets[at] != 5:
        raise NotTls("SOCKS request has another version", at)
    if len(octets) > at + 1 and octets[at + 1] != _SOCKS_CONNECT:
        raise NotTls("SOCKS request is no CONNECT", at + 1)
    if len(octets) < at + 5:
        return None
    address_type = octets[at + 3]
    if address_type == _SOCKS5_DOMAIN:
        size = 1 + octets[at + 4]
    elif address_type in _SOCKS5_ADDRESS_BYTES:
        size = _SOCKS5_ADDRESS_BYTES[address_type]
    else:
        raise NotTls("SOCKS request has an unknown address type", at + 3)
    end = at + 4 + size + 2
    return end if len(octets) >= end else None


def read_ldap(octets: bytes) -> int | None:
    """LDAP messages up to the StartTLS extended request; those before it are passed over."""
    at = 0
    while True:
        header = _ber_element(octets, at, 0x30)
        if header is None:
            return None
        body, end = header
        if end - at > _MAX_LDAP_BYTES:
            raise NotTls("LDAP message is longer than 4096 bytes", at)
        if len(octets) < end:
            return None
        message_id = _ber_element(octets, body, 0x02)
        if message_id is None or message_id[1] >= end:
            raise NotTls("LDAP message has no operation", body)
        operation = message_id[1]
        if octets[operation] == _LDAP_EXTENDED_REQUEST and _LDAP_START_TLS in octets[operation:end]:
            return end
        at = end


def read_postgresql(octets: bytes) -> int | None:
    """An SSLRequest, possibly behind a request for GSSAPI encryption that was refused."""
    at = 0
    if octets[:8] == _POSTGRESQL_GSS_REQUEST:
        at = 8
    _require_start(octets[at:], _POSTGRESQL_SSL_REQUEST[:7])
    if len(octets) < at + 8:
        return None
    if octets[at : at + 8] == _POSTGRESQL_SSL_REQUEST:
        return at + 8
    if octets[at : at + 8] == _POSTGRESQL_GSS_REQUEST:
        return None
    raise NotTls("PostgreSQL start-up asks for no TLS", at)


def read_mysql(octets: bytes) -> int | None:
    """An SSLRequest: a handshake response that ends before the user name, with the CLIENT_SSL bit."""
    _require_start(octets, _MYSQL_SSL_REQUEST_START)
    if len(octets) < _MYSQL_SSL_REQUEST_BYTES:
        return None
    if not int.from_bytes(octets[4:8], "little") & _MYSQL_CLIENT_SSL:
        raise NotTls("MySQL client asks for no TLS", 4)
    return _MYSQL_SSL_REQUEST_BYTES


def _require_start(octets: bytes, start: bytes) -> None:
    if not start.startswith(octets[: len(start)]):
        raise NotTls("first byte starts no handshake record", 0)


def _ber_element(octets: bytes, at: int, tag: int) -> tuple[int, int] | None:
    """(start of the contents, end) of the element of type `tag` at `at`; None for need-more."""
    if len(octets) < at + 2:
        return None
    if octets[at] != tag:
        raise NotTls("first byte starts no handshake record", at)
    size, begin = octets[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4:
            raise NotTls("LDAP length is of no definite form", at + 1)
        if len(octets) < begin + count:
            return None
        size = int.from_bytes(octets[begin : begin + count], "big")
        begin += count
    return begin, begin + size
