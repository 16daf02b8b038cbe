from __future__ import annotations

import pytest

from capture_agent.wire.cursor import Cursor
from capture_agent.wire.errors import Malformed


def test_a_block_must_be_used_up() -> None:
    cursor = Cursor(b"\x00\x03abcd")
    block = cursor.block(2, "list")
    assert block.take(2, "item") == b"ab"
    with pytest.raises(Malformed, match="list has bytes left over") as caught:
        block.finish("list")
    assert caught.value.offset == 4
    block.skip(1, "item")
    block.finish("list")
    assert cursor.take(1, "rest") == b"d"


def test_a_block_cannot_be_read_past_its_end() -> None:
    block = Cursor(b"\x01ab").block(1, "list")
    with pytest.raises(Malformed, match="item runs over the end") as caught:
        block.take(2, "item")
    assert caught.value.offset == 1


def test_varints_are_those_of_rfc_9000_appendix_a1() -> None:
    cursor = Cursor(bytes.fromhex("c2197c5eff14e88c 9d7f3e7d 7bbd 25 4025"))
    assert [cursor.varint("n") for _ in range(5)] == [151288809941952652, 494878333, 15293, 37, 37]
    with pytest.raises(Malformed):
        cursor.varint("n")
