"""Content encodings of requests and responses: gzip, deflate, lz4 frames, zstd."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, Protocol

from embedded_clickhouse.errors import CANNOT_DECOMPRESS, UNKNOWN_COMPRESSION_METHOD, refusal


def _maybe_module(name: str) -> Any:
    """An optional package: without it the other encodings remain."""
    try:
        return import_module(name)
    except ImportError:
        return None


lz4_frame = _maybe_module("lz4.frame")
zstd = _maybe_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

# A compressed body may grow a thousandfold; it is unpacked in steps of this size so that the limit on
# the body's size acts before memory is taken.
STEP_BYTES = 2**20
GZIP_WINDOW = 31
FAST_GZIP_LEVEL = 1
FAST_ZSTD_LEVEL = 1


_UNPACK_ERRORS: tuple[type[Exception], ...] = (zlib.error, RuntimeError, EOFError, ValueError)
if zstd is not None:
    _UNPACK_ERRORS += (zstd.ZstdError,)


class _Decoder(Protocol):
    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _ZlibDecoder:
    """zlib's object with the interface that the lz4 and zstd decoders share."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)
        self._pending = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._pending

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        out = self._inner.decompress(self._pending + data, max_length)
        self._pending = self._inner.unconsumed_tail
        return out


def _decoder_factory(encoding: str) -> Callable[[], Any]:
    if encoding in {"gzip", "x-gzip"}:
        return lambda: _ZlibDecoder(GZIP_WINDOW)
    if encoding == "deflate":
        return lambda: _ZlibDecoder(zlib.MAX_WBITS)
    if encoding == "lz4" and lz4_frame is not None:
        return lambda: lz4_frame.LZ4FrameDecompressor()
    if encoding == "zstd" and zstd is not None:
        return lambda: zstd.ZstdDecompressor()
    raise refusal(UNKNOWN_COMPRESSION_METHOD, f"Unknown compression method: {encoding!r}")


def decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Unpack a body sent as `chunks`; several frames may follow each other. Steps of at most 1 MiB.

    Raises QueryError for an encoding not known here and for a body that is not in it or is cut off.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        yield from chunks
        return
    make = _decoder_factory(name)
    decoder: _Decoder = make()
    is_started = False
    try:
        for chunk in chunks:
            pending: bytes = chunk
            while pending or (is_started and not decoder.eof and not decoder.needs_input):
                is_started = True
                piece = decoder.decompress(pending, STEP_BYTES)
                pending = b""
                if piece:
                    yield piece
                if decoder.eof:
                    pending = decoder.unused_data or b""
                    decoder, is_started = make(), False
    except _UNPACK_ERRORS as error:
        raise refusal(CANNOT_DECOMPRESS, f"Cannot decompress the {name} body: {error}") from error
    if is_started:
        raise refusal(CANNOT_DECOMPRESS, f"Cannot decompress the {name} body: it is cut off")


class Encoder(Protocol):
    """Packs a response piece by piece; `finish` gives the rest."""

    def add(self, piece: bytes | memoryview) -> bytes: ...

    def finish(self) -> bytes: ...


class _GzipEncoder:
    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.compressobj(FAST_GZIP_LEVEL, zlib.DEFLATED, window_bits)

    def add(self, piece: bytes | memoryview) -> bytes:
        return self._inner.compress(piece)

    def finish(self) -> bytes:
        return self._inner.flush()


class _Lz4Encoder:
    def __init__(self) -> None:
        self._inner = lz4_frame.LZ4FrameCompressor()
        self._header: bytes = self._inner.begin()

    def add(self, piece: bytes | memoryview) -> bytes:
        header, self._header = self._header, b""
        packed: bytes = self._inner.compress(piece)
        return header + packed

    def finish(self) -> bytes:
        end: bytes = self._inner.flush()
        return self._header + end


class _ZstdEncoder:
    def __init__(self) -> None:
        self._inner = zstd.ZstdCompressor(level=FAST_ZSTD_LEVEL)

    def add(self, piece: bytes | memoryview) -> bytes:
        packed: bytes = self._inner.compress(piece)
        return packed

    def finish(self) -> bytes:
        end: bytes = self._inner.flush()
        return end


def maybe_encoder(accept_encoding: str) -> tuple[str, Encoder] | None:
    """The cheapest encoding that the client accepts, or None. Like the server, ignores quality values."""
    accepted = {part.partition(";")[0].strip().lower() for part in accept_encoding.split(",")}
    if "lz4" in accepted and lz4_frame is not None:
        return "lz4", _Lz4Encoder()
    if "zstd" in accepted and zstd is not None:
        return "zstd", _ZstdEncoder()
    if "gzip" in accepted:
        return "gzip", _GzipEncoder(GZIP_WINDOW)
    if "deflate" in accepted:
        return "deflate", _GzipEncoder(zlib.MAX_WBITS)
    return None
