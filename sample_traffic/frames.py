"""Ethernet frames of one TCP connection, as a sensor beside the server would capture them.

Only what the sensor needs is built: the handshake, the segments of the hello and the close. Sequence
numbers run on as though no application data had been sent. Checksums are right.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import ip_address

from sample_traffic.tcp_stack import LINUX, LINUX_ANSWERING_WITHOUT_TIMESTAMPS, TcpStack

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10

_SERVER_MAC = bytes.fromhex("020000000001")
_GATEWAY_MAC = bytes.fromhex("020000000002")
_IPV4, _IPV6, _TCP = 0x0800, 0x86DD, 6
_DONT_FRAGMENT = 0x4000
_IPV4_HEADER = struct.Struct(">BBHHHBBH4s4s")
_IPV6_HEADER = struct.Struct(">IHBB16s16s")
_TCP_HEADER = struct.Struct(">HHIIBBHHH")
_SERVER_WINDOW = 65160
_ESTABLISHED_WINDOW = 63
_SERVER_TTL = 64
_SERVER_MSS = 1460
_WRAP = 0xFFFFFFFF


@dataclass(slots=True)
class TcpConversation:
    """Builds the frames of one connection in the order they cross the wire."""

    client: bytes
    """Client address, 4 or 16 bytes."""
    client_port: int
    server: bytes
    server_port: int
    stack: TcpStack
    mss: int
    hops: int
    """Routers between client and sensor; taken off the TTL."""
    client_seq: int
    server_seq: int
    client_clock: int
    """TCP timestamp of the client at time zero."""
    ip_id: int

    def syn(self, ts_us: int) -> bytes:
        """The client's SYN."""
        options = self.stack.syn_options(self.mss, self._client_ts(ts_us))
        frame = self._from_client(SYN, b"", options, self.stack.window, 0)
        self.client_seq = (self.client_seq + 1) & _WRAP
        return frame

    def syn_ack(self, ts_us: int) -> bytes:
        """The server's answer to the SYN."""
        server = LINUX if self.stack.has_timestamps else LINUX_ANSWERING_WITHOUT_TIMESTAMPS
        options = server.syn_options(_SERVER_MSS, _server_ts(ts_us), self._client_ts(ts_us))
        frame = self._from_server(SYN | ACK, options, _SERVER_WINDOW)
        self.server_seq = (self.server_seq + 1) & _WRAP
        return frame

    def from_client(self, ts_us: int, flags: int, payload: bytes = b"") -> bytes:
        """Any later segment of the client; FIN and payload advance its sequence number."""
        options = self.stack.segment_options(self._client_ts(ts_us), _server_ts(ts_us))
        frame = self._from_client(flags, payload, options, _ESTABLISHED_WINDOW, self.server_seq)
        self.client_seq = (self.client_seq + len(payload) + (flags & FIN)) & _WRAP
        return frame

    def from_server(self, ts_us: int, flags: int) -> bytes:
        """Any later segment of the server, always without payload."""
        options = self.stack.segment_options(_server_ts(ts_us), self._client_ts(ts_us))
        frame = self._from_server(flags, options, _ESTABLISHED_WINDOW)
        self.server_seq = (self.server_seq + (flags & FIN)) & _WRAP
        return frame

    def segments(self, record: bytes) -> list[bytes]:
        """`record` cut as this client's TCP would cut it; on Linux as it was recorded."""
        size = self.stack.largest_payload(self.mss)
        return [record[at : at + size] for at in range(0, len(record), size)]

    def _client_ts(self, ts_us: int) -> int:
        return (self.client_clock + ts_us // 1000) & _WRAP

    def _from_client(self, flags: int, payload: bytes, options: bytes, window: int, ack: int) -> bytes:
        tcp = _tcp(self.client_port, self.server_port, self.client_seq, ack, flags, window, options, payload)
        if self.stack.has_ip_id:
            self.ip_id = (self.ip_id + 1) & 0xFFFF
        ttl = self.stack.initial_ttl - self.hops
        ip_id = self.ip_id if self.stack.has_ip_id else 0
        return _frame(_SERVER_MAC, _GATEWAY_MAC, self.client, self.server, ttl, ip_id, tcp)

    def _from_server(self, flags: int, options: bytes, window: int) -> bytes:
        tcp = _tcp(
            self.server_port, self.client_port, self.server_seq, self.client_seq, flags, window, options, b""
        )
        return _frame(_GATEWAY_MAC, _SERVER_MAC, self.server, self.client, _SERVER_TTL, 0, tcp)


def packed(address: str) -> bytes:
    """4 or 16 bytes of an address."""
    return ip_address(address).packed


def _server_ts(ts_us: int) -> int:
    """The server's TCP timestamp clock, in ms."""
    return (ts_us // 1000) & _WRAP


def _tcp(
    src_port: int, dst_port: int, seq: int, ack: int, flags: int, window: int, options: bytes, payload: bytes
) -> bytes:
    """A TCP segment with its checksum still zero."""
    offset = (20 + len(options)) << 2
    return _TCP_HEADER.pack(src_port, dst_port, seq, ack, offset, flags, window, 0, 0) + options + payload


def _frame(
    to_mac: bytes, from_mac: bytes, source: bytes, target: bytes, ttl: int, ip_id: int, tcp: bytes
) -> bytes:
    """Ethernet frame around a TCP segment; fills in both checksums."""
    pseudo_header = source + target + struct.pack(">HH", _TCP, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", _checksum(pseudo_header + tcp)) + tcp[18:]
    if len(source) == 16:
        header = _IPV6_HEADER.pack(6 << 28, len(tcp), _TCP, ttl, source, target)
        return to_mac + from_mac + struct.pack(">H", _IPV6) + header + tcp
    fields = (0x45, 0, 20 + len(tcp), ip_id, _DONT_FRAGMENT, ttl, _TCP)
    header = _IPV4_HEADER.pack(
        *fields, _checksum(_IPV4_HEADER.pack(*fields, 0, source, target)), source, target
    )
    return to_mac + from_mac + struct.pack(">H", _IPV4) + header + tcp


def _checksum(content: bytes) -> int:
    """Internet checksum (RFC 1071): the one's complement sum of 16-bit words is the number modulo 65535."""
    return (0xFFFF - int.from_bytes(content + bytes(len(content) % 2), "big") % 0xFFFF) % 0xFFFF
