"""Framing, unpacking and keeping of request bodies, fed well and badly."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import lz4.frame
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded_clickhouse import bodies
from embedded_clickhouse.bodies import FramingError, RowsFile, body_chunks, limited
from embedded_clickhouse.compression import STEP_BYTES, decoded, maybe_encoder
from embedded_clickhouse.errors import QueryError

try:
    from compression import zstd
except ImportError:
    from backports import zstd

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "lz4": lz4.frame.compress,
    "zstd": zstd.compress,
}
UNPACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "lz4": lz4.frame.decompress,
    "zstd": zstd.decompress,
}


def pieces_of(data: bytes, size: int) -> Iterable[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_packed_body_is_read_whatever_the_cut(encoding: str, size: int) -> None:
    content = os.urandom(300) + b"row\n" * 500
    packed = PACKERS[encoding](content)
    assert b"".join(decoded(pieces_of(packed, size), encoding)) == content


@pytest.mark.parametrize("encoding", PACKERS)
@pytest.mark.parametrize("size", [1, 100_000])
def test_frames_that_follow_each_other_are_one_body(encoding: str, size: int) -> None:
    packed = PACKERS[encoding](b"first") + PACKERS[encoding](b"second")
    assert b"".join(decoded(pieces_of(packed, size), encoding)) == b"firstsecond"


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_that_unpacks_to_far_more_is_refused_at_the_limit(encoding: str) -> None:
    packed = PACKERS[encoding](bytes(64 * 2**20))
    sizes: list[int] = []
    with pytest.raises(QueryError, match="larger than 3145728 bytes") as caught:
        sizes.extend(len(step) for step in limited(decoded([packed], encoding), 3 * 2**20))
    assert caught.value.status == 413
    assert max(sizes) <= STEP_BYTES


@pytest.mark.parametrize("encoding", PACKERS)
def test_packed_body_that_is_cut_off_is_refused(encoding: str) -> None:
    packed = PACKERS[encoding](os.urandom(5000))
    with pytest.raises(QueryError, match="Cannot decompress"):
        list(decoded([packed[:-20]], encoding))


@pytest.mark.parametrize("encoding", PACKERS)
def test_body_that_is_not_in_its_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(QueryError, match="Cannot decompress"):
        list(decoded([b"insert into t format TSV\n1\n" * 10], encoding))


def test_unknown_encoding_is_refused_with_the_servers_code() -> None:
    with pytest.raises(QueryError) as caught:
        list(decoded([b"x"], "snappy"))
    assert caught.value.code == 89


@pytest.mark.parametrize("encoding", UNPACKERS)
def test_answer_is_packed_so_that_the_library_unpacks_it(encoding: str) -> None:
    found = maybe_encoder(f"br;q=1.0, {encoding};q=0.5")
    assert found is not None
    name, encoder = found
    assert name == encoding
    content = [b"a" * 1000, os.urandom(100), b""]
    packed = b"".join(encoder.add(piece) for piece in content) + encoder.finish()
    assert UNPACKERS[encoding](packed) == b"".join(content)


def test_no_encoding_is_chosen_that_the_client_does_not_name() -> None:
    assert maybe_encoder("br, identity") is None
    assert maybe_encoder("") is None


def chunked(data: bytes, sizes: list[int]) -> bytes:
    out, start = b"", 0
    for size in sizes:
        piece = data[start : start + size]
        start += size
        if piece:
            out += b"%x;name=value\r\n%b\r\n" % (len(piece), piece)
    return out + b"0\r\nTrailer: x\r\n\r\n"


@given(data=st.binary(max_size=400), sizes=st.lists(st.integers(1, 60), max_size=20))
@settings(max_examples=50, deadline=None)
def test_chunked_body_is_read_to_its_end_and_no_further(data: bytes, sizes: list[int]) -> None:
    expected = data[: sum(sizes)]
    stream = io.BytesIO(chunked(data, sizes) + b"GET /ping")
    assert b"".join(body_chunks(stream, None, "chunked")) == expected
    assert stream.read() == b"GET /ping"


@pytest.mark.parametrize(
    "wire",
    [b"", b"zz\r\nab", b"-1\r\n", b"5\r\nab", b"2\r\nabXX\r\n0\r\n\r\n", b"2\r\nab\r\n", b"1" * 5000],
)
def test_chunked_body_that_breaks_its_framing_is_an_error(wire: bytes) -> None:
    with pytest.raises(FramingError):
        list(body_chunks(io.BytesIO(wire), None, "chunked"))


@pytest.mark.parametrize("length", ["-1", "x", "", "1e3", "²"])
def test_content_length_that_is_no_number_is_an_error(length: str) -> None:
    with pytest.raises(FramingError):
        body_chunks(io.BytesIO(b"abc"), length, None)


def test_body_shorter_than_its_length_is_an_error() -> None:
    with pytest.raises(FramingError, match="97 bytes early"):
        list(body_chunks(io.BytesIO(b"abc"), "100", None))


def test_rows_beyond_the_memory_limit_move_to_an_unlinked_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MAX_MEMORY_BYTES", 1000)
    with RowsFile(tmp_path) as rows:
        for place in range(10):
            rows.write(bytes([place]) * 300)
        content = Path(rows.path).read_bytes()
        assert os.readlink(rows.path).startswith(str(tmp_path))
    assert content == b"".join(bytes([place]) * 300 for place in range(10))
    assert list(tmp_path.iterdir()) == []
