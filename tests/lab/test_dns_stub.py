"""The lab's name server answers for its zone and denies everything else (RFC 1035 section 4.1)."""

from __future__ import annotations

import socket
import struct

import pytest
from lab.dns_stub import DnsStub

A, AAAA = 1, 28


def query(name: str, kind: int) -> bytes:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.split("."))
    return (
        b"\x12\x34\x01\x00" + struct.pack(">HHHH", 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    )


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> DnsStub:
    monkeypatch.setattr(socket.socket, "bind", lambda *_: None)
    return DnsStub("127.0.0.1", {"shop.test": "10.88.0.1", "*.wild.test": "10.88.0.2"})


@pytest.mark.parametrize(
    ("name", "kind", "code", "address"),
    [
        ("shop.test", A, 0, "10.88.0.1"),
        ("SHOP.test", A, 0, "10.88.0.1"),
        ("one.wild.test", A, 0, "10.88.0.2"),
        ("shop.test", AAAA, 0, None),
        ("update.example", A, 3, None),
    ],
)
def test_answers(stub: DnsStub, name: str, kind: int, code: int, address: str | None) -> None:
    response = stub.answer(query(name, kind))
    identifier, flags, questions, answers = struct.unpack_from(">HHHH", response)
    assert (identifier, flags >> 15, flags & 15, questions) == (0x1234, 1, code, 1)
    assert answers == (address is not None)
    if address is not None:
        assert response[-4:] == socket.inet_aton(address)
