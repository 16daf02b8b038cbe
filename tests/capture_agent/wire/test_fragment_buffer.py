from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture_agent.wire.errors import Malformed
from capture_agent.wire.fragment_buffer import MAX_PIECES, FragmentBuffer


@given(st.lists(st.tuples(st.integers(0, 60), st.binary(max_size=20)), max_size=25))
def test_it_keeps_the_first_byte_of_every_place(pieces: list[tuple[int, bytes]]) -> None:
    buffer = FragmentBuffer(100)
    model: dict[int, int] = {}
    for offset, piece in pieces:
        is_new = any(offset + i not in model for i in range(len(piece)))
        assert buffer.add(offset, piece, 0) == is_new
        for i, byte in enumerate(piece):
            model.setdefault(offset + i, byte)
    expected = bytearray()
    while len(expected) in model:
        expected.append(model[len(expected)])
    assert buffer.contiguous == len(expected)
    assert buffer.read(0, buffer.contiguous) == bytes(expected)


def test_a_piece_beyond_the_limit_is_refused_where_the_caller_stands() -> None:
    buffer = FragmentBuffer(10)
    assert buffer.add(8, b"xy", 3)
    with pytest.raises(Malformed) as caught:
        buffer.add(9, b"xy", 3)
    assert caught.value.offset == 3


def test_memory_grows_with_bytes_not_with_offsets() -> None:
    buffer = FragmentBuffer(1 << 30)
    buffer.add((1 << 30) - 1, b"x", 0)
    assert buffer.buffered_bytes == 1


def test_too_many_pieces_are_refused() -> None:
    buffer = FragmentBuffer(1 << 20)
    for i in range(MAX_PIECES):
        assert buffer.add(2 * i, b"x", 0)
    assert not buffer.add(0, b"x", 0)
    with pytest.raises(Malformed, match="too many pieces"):
        buffer.add(2 * MAX_PIECES, b"x", 0)
