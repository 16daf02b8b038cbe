"""Feeds a reader its bytes in every awkward way and demands the same outcome each time."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from capture_agent.wire.errors import Malformed
from capture_agent.wire.hello_message import HelloMessage
from capture_agent.wire.tls_record import ClientHelloReader

Outcome = HelloMessage | tuple[str, int] | None


def read_pieces(pieces: Iterable[bytes]) -> Outcome:
    """First hello of a stream cut into pieces; the reason and offset where it broke; None for need-more."""
    reader = ClientHelloReader()
    for piece in pieces:
        try:
            hello = reader.feed(piece)
        except Malformed as error:
            return error.reason, error.offset
        if hello is not None:
            return hello
    return None


@pytest.fixture(scope="session")
def feed_badly() -> Callable[[bytes], Outcome]:
    """Whole, byte by byte, in halves and with trailing bytes: one outcome or a failed assertion."""

    def feed(stream: bytes) -> Outcome:
        whole = read_pieces([stream])
        assert read_pieces(stream[i : i + 1] for i in range(len(stream))) == whole
        middle = len(stream) // 2
        assert read_pieces([stream[:middle], b"", stream[middle:]]) == whole
        if whole is not None:
            assert read_pieces([stream + b"\x17\x03\x03\x00\x05tail!"]) == whole
        return whole

    return feed


@pytest.fixture(scope="session")
def read_stream() -> Callable[[Iterable[bytes]], Outcome]:
    """The outcome of a stream cut as given."""
    return read_pieces
