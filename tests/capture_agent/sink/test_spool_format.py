"""A batch as a file: everything comes back, and whatever else stands there is told apart."""

from __future__ import annotations

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.sink.batch import LZ4, Batch, content_token
from capture_agent.sink.spool_format import (
    MAX_HEADER_BYTES,
    Foreign,
    Torn,
    decode,
    describe,
    encode,
    file_name,
    maybe_sequence,
)

LINES = b'{"sensor":"s"}\n' * 20


def batch(lines: bytes = LINES) -> Batch:
    return Batch("raw_agent_ticks", lines.count(b"\n"), lines, content_token(lines)).packed()


def whole(one: Batch, cut_us: int = 1_795_350_390_070_261) -> bytes:
    return b"".join(encode(one, cut_us))


def test_batch_comes_back_with_its_token_and_time() -> None:
    one = batch()
    content = whole(one)
    assert decode(content) == one
    found = describe(content[:MAX_HEADER_BYTES], len(content))
    assert (found.header.cut_us, found.header.rows) == (1_795_350_390_070_261, 20)
    assert (one.encoding, lz4.frame.decompress(decode(content).block)) == (LZ4, LINES)


def test_operator_reads_it_with_tail_and_lz4() -> None:
    """As the module's docstring says: the block follows the first line break."""
    assert lz4.frame.decompress(whole(batch()).partition(b"\n")[2]) == LINES


@settings(max_examples=50)
@given(st.data())
def test_file_cut_anywhere_is_torn_and_never_taken_for_a_batch(data: st.DataObject) -> None:
    content = whole(batch())
    cut = content[: data.draw(st.integers(0, len(content) - 1))]
    with pytest.raises(Torn):
        decode(cut)


@settings(max_examples=100)
@given(st.data())
def test_changed_octet_is_found(data: st.DataObject) -> None:
    content = bytearray(whole(batch()))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((Foreign, Torn)):
        decode(bytes(content))


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 4_096,
        b"x" * 4_096,
        b'{"format":"ja4-agent spool 2"}\n',
        b"{}\n",
        whole(batch()).replace(b"raw_agent_ticks", b"other_raw_table"),
        whole(batch()) + b"more",
        b'{"format":"ja4-agent spool 1",' + b" " * MAX_HEADER_BYTES,
    ],
)
def test_what_no_spool_has_written_is_foreign(content: bytes) -> None:
    with pytest.raises(Foreign):
        decode(content)


def test_names_sort_by_their_number_and_nothing_else_is_one() -> None:
    assert sorted(map(file_name, (10, 9, 100))) == [file_name(9), file_name(10), file_name(100)]
    assert maybe_sequence(file_name(12)) == 12
    assert [maybe_sequence(name) for name in ("12.batch", "books", f"{file_name(1)}~")] == [None] * 3
