"""The ClientHello: bytes to fields and back, nothing stripped, sorted or defaulted.

Sources: RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2, RFC 9147 section 5.3 (the cookie of DTLS).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from struct import Struct, unpack_from

from capture_agent.wire import registry
from capture_agent.wire.errors import Malformed
from capture_agent.wire.extensions import (
    read_host_name,
    read_protocol_names,
    read_u8_list,
    read_u16_list,
)

MAX_SESSION_ID_BYTES = 32
HANDSHAKE_HEADER_BYTES = 4
SESSION_ID_OFFSET = HANDSHAKE_HEADER_BYTES + 2 + 32
"""Position in the message of the session id's length byte; version and random stand before it."""
_EXTENSION_HEADER = Struct(">HH")


@dataclass(frozen=True, slots=True)
class ClientHello:
    """One ClientHello as sent, GREASE included; the properties are views computed on each access.

    `extensions` keeps (type, body) in wire order and is None if the hello ends before the extensions
    block, which is another thing than an empty block. `cookie` is None unless the hello is DTLS.
    """

    legacy_version: int
    random: bytes
    session_id: bytes
    cookie: bytes | None
    cipher_suites: tuple[int, ...]
    compression_methods: bytes
    extensions: tuple[tuple[int, bytes], ...] | None
    _first_bodies: dict[int, bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Reversed, so that of repeated types the first one stays.
        object.__setattr__(self, "_first_bodies", dict(reversed(self.extensions or ())))

    def extension(self, extension_type: int) -> bytes | None:
        """Body of the first extension of this type; None if it is absent."""
        return self._first_bodies.get(extension_type)

    def has_extension(self, extension_type: int) -> bool:
        """Whether an extension of this type is present, readable or not."""
        return extension_type in self._first_bodies

    def _u16_list(self, extension_type: int, length_size: int) -> tuple[int, ...]:
        body = self.extension(extension_type)
        return () if body is None else read_u16_list(body, length_size)

    @property
    def sni_present(self) -> bool:
        """Extension server_name is present, whatever it holds."""
        return registry.EXT_SERVER_NAME in self._first_bodies

    @property
    def sni(self) -> bytes | None:
        """First host_name as sent; None if absent or unreadable."""
        body = self.extension(registry.EXT_SERVER_NAME)
        return None if body is None else read_host_name(body)

    @property
    def alpn(self) -> tuple[bytes, ...]:
        """Offered application protocols in wire order (RFC 7301)."""
        body = self.extension(registry.EXT_ALPN)
        return () if body is None else read_protocol_names(body)

    @property
    def supported_versions(self) -> tuple[int, ...]:
        """Versions of extension 0x002b in wire order, GREASE included (RFC 8446 section 4.2.1)."""
        return self._u16_list(registry.EXT_SUPPORTED_VERSIONS, 1)

    @property
    def signature_algorithms(self) -> tuple[int, ...]:
        """Schemes of extension 0x000d, not of signature_algorithms_cert, in wire order."""
        return self._u16_list(registry.EXT_SIGNATURE_ALGORITHMS, 2)

    @property
    def supported_groups(self) -> tuple[int, ...]:
        """Groups of extension 0x000a in wire order, GREASE included."""
        return self._u16_list(registry.EXT_SUPPORTED_GROUPS, 2)

    @property
    def ec_point_formats(self) -> bytes:
        """Point formats of extension 0x000b, one byte each, in wire order."""
        body = self.extension(registry.EXT_EC_POINT_FORMATS)
        return b"" if body is None else read_u8_list(body)

    @property
    def tls_version(self) -> int:
        """Newest version of supported_versions without GREASE, else legacy_version."""
        newest = registry.newest_version(self.supported_versions)
        return self.legacy_version if newest is None else newest

    @property
    def has_grease(self) -> bool:
        """A reserved value of RFC 8701 among suites, extensions, groups, versions or signature schemes."""
        grease = registry.GREASE
        return not (
            grease.isdisjoint(self.cipher_suites)
            and grease.isdisjoint(self._first_bodies)
            and grease.isdisjoint(self.supported_groups)
            and grease.isdisjoint(self.supported_versions)
            and grease.isdisjoint(self.signature_algorithms)
        )

    @property
    def has_ech(self) -> bool:
        """Extension encrypted_client_hello is present, real or GREASE: this is then the outer hello."""
        return self.has_extension(registry.EXT_ENCRYPTED_CLIENT_HELLO)

    @property
    def has_psk(self) -> bool:
        """Extension pre_shared_key is present: a resumption in TLS 1.3."""
        return self.has_extension(registry.EXT_PRE_SHARED_KEY)

    @property
    def has_early_data(self) -> bool:
        """Extension early_data is present: 0-RTT data follows."""
        return self.has_extension(registry.EXT_EARLY_DATA)

    @property
    def has_pq_group(self) -> bool:
        """A group with a post-quantum half is offered."""
        return not registry.POST_QUANTUM_GROUPS.isdisjoint(self.supported_groups)

    def serialise(self) -> bytes:
        """The handshake message with its 4-byte header, equal to the bytes it was parsed from."""
        parts = [
            self.legacy_version.to_bytes(2, "big"),
            self.random,
            bytes((len(self.session_id),)),
            self.session_id,
        ]
        if self.cookie is not None:
            parts += (bytes((len(self.cookie),)), self.cookie)
        parts.append((2 * len(self.cipher_suites)).to_bytes(2, "big"))
        parts += [suite.to_bytes(2, "big") for suite in self.cipher_suites]
        parts += (bytes((len(self.compression_methods),)), self.compression_methods)
        if self.extensions is not None:
            block = b"".join(
                _EXTENSION_HEADER.pack(extension_type, len(body)) + body
                for extension_type, body in self.extensions
            )
            parts += (len(block).to_bytes(2, "big"), block)
        body = b"".join(parts)
        return bytes((registry.HANDSHAKE_CLIENT_HELLO,)) + len(body).to_bytes(3, "big") + body


def parse_client_hello(message: bytes, *, is_dtls: bool = False) -> ClientHello:
    """Parse one whole handshake message, its 4-byte header included.

    For DTLS the message is the reassembled one: the same 4-byte header, then the body with its cookie.
    Upper bounds and framing are enforced; lower bounds of vectors are not, because an empty list is a
    fact about the client for which JA4 has a value. Raises `Malformed`.
    """
    size = len(message)
    if size < HANDSHAKE_HEADER_BYTES:
        raise Malformed("handshake header runs over the end", size)
    if message[0] != registry.HANDSHAKE_CLIENT_HELLO:
        raise Malformed("handshake type is not client_hello", 0)
    if int.from_bytes(message[1:4], "big") != size - HANDSHAKE_HEADER_BYTES:
        raise Malformed("handshake length differs from the message", 1)
    if size <= SESSION_ID_OFFSET:
        raise Malformed("version, random and session_id run over the end", size)

    pos = SESSION_ID_OFFSET
    end = pos + 1 + message[pos]
    if message[pos] > MAX_SESSION_ID_BYTES:
        raise Malformed("session_id is longer than 32 bytes", pos)
    if end > size:
        raise Malformed("session_id runs over the end", pos)
    session_id = message[pos + 1 : end]
    pos = end

    cookie = None
    if is_dtls:
        if pos >= size or pos + 1 + message[pos] > size:
            raise Malformed("cookie runs over the end", pos)
        cookie = message[pos + 1 : pos + 1 + message[pos]]
        pos += 1 + len(cookie)

    if pos + 2 > size:
        raise Malformed("cipher_suites run over the end", pos)
    suites_size = message[pos] << 8 | message[pos + 1]
    end = pos + 2 + suites_size
    if end > size:
        raise Malformed("cipher_suites run over the end", pos)
    if suites_size & 1:
        raise Malformed("cipher_suites have an odd length", pos)
    cipher_suites = unpack_from(f">{suites_size >> 1}H", message, pos + 2)
    pos = end

    if pos >= size or pos + 1 + message[pos] > size:
        raise Malformed("compression_methods run over the end", pos)
    end = pos + 1 + message[pos]
    compression_methods = message[pos + 1 : end]

    return ClientHello(
        legacy_version=message[4] << 8 | message[5],
        random=message[6:38],
        session_id=session_id,
        cookie=cookie,
        cipher_suites=cipher_suites,
        compression_methods=compression_methods,
        extensions=None if end == size else _parse_extensions(message, end),
    )


def _parse_extensions(message: bytes, pos: int) -> tuple[tuple[int, bytes], ...]:
    """The extensions block that starts at `pos` and must reach exactly to the end of the message."""
    size = len(message)
    if pos + 2 > size:
        raise Malformed("extensions run over the end", pos)
    declared = message[pos] << 8 | message[pos + 1]
    pos += 2
    if pos + declared > size:
        raise Malformed("extensions run over the end", pos - 2)
    if pos + declared < size:
        raise Malformed("bytes are left over after the extensions", pos + declared)
    extensions: list[tuple[int, bytes]] = []
    append, read_header = extensions.append, _EXTENSION_HEADER.unpack_from
    start = pos
    try:
        while pos < size:
            start = pos
            extension_type, length = read_header(message, pos)
            pos += 4 + length
            append((extension_type, message[start + 4 : pos]))
    except struct.error:
        raise Malformed("extension header runs over the end", start) from None
    if pos > size:
        raise Malformed("extension body runs over the end", start)
    return tuple(extensions)
