"""One batch as a file of the spool: a line of JSON that describes it, then its block.

    {"format":"ja4-agent spool 1","table":"raw_tls_hellos","rows":812,"cut_us":…,"token":"…","encoding":"lz4",
     "block_bytes":61440,"checksum":"…"}\\n
    <block_bytes octets>

A batch has a file of its own, so that removing the file is the acknowledgement, and damage costs one batch.
An operator reads it with `tail -n +2 FILE | lz4 -d`. The checksum is BLAKE2b over description and block: a
file that was cut by a loss of power is told by its length, one with other bytes by the checksum.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from capture_agent.sink.batch import LZ4, Batch
from capture_agent.sink.encode import TABLES

FORMAT = "ja4-agent spool 1"
MAX_HEADER_BYTES = 1_024
CHECKSUM_BYTES = 16
SUFFIX = ".batch"
_NAME = re.compile(r"(\d{16})\.batch")
_ENCODINGS = (None, LZ4)


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line."""

    format: str
    table: str
    rows: int
    cut_us: int
    """When the batch was cut, microseconds since the epoch."""
    token: str
    encoding: str | None
    block_bytes: int
    checksum: str
    """Hexadecimal."""


class Torn(Exception):  # noqa: N818 - named for what was found
    """The file ends before its batch does: whoever wrote it was stopped. The batch was never flushed."""


class Foreign(Exception):  # noqa: N818 - named for what was found
    """The file is not what a spool writes, or no longer; the text says in what."""

    def __init__(self, reason: str, rows: int = 0) -> None:
        """`rows`: how many it claims to hold, if it says."""
        super().__init__(reason)
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of a file without reading its block."""

    header: Header
    header_bytes: int

    @property
    def file_bytes(self) -> int:
        """Length of the whole file."""
        return self.header_bytes + self.header.block_bytes


def file_name(sequence: int) -> str:
    """Names sort as their batches follow one another."""
    return f"{sequence:016}{SUFFIX}"


def maybe_sequence(name: str) -> int | None:
    """The number in a name; None if no spool gives such a name."""
    found = _NAME.fullmatch(name)
    return None if found is None else int(found[1])


def encode(batch: Batch, cut_us: int) -> tuple[bytes, bytes]:
    """A batch as the two parts of its file."""
    header = Header(
        FORMAT, batch.table, batch.rows, cut_us, batch.token, batch.encoding, len(batch.block), checksum=""
    )
    signed = msgspec.structs.replace(header, checksum=_checksum(header, batch.block))
    return msgspec.json.encode(signed) + b"\n", batch.block


def describe(start: bytes, file_bytes: int) -> Description:
    """Read the first line from the `start` of a file, MAX_HEADER_BYTES or all of it. Raises Torn, Foreign."""
    line, newline, _ = start.partition(b"\n")
    opening = b'{"format":"' + FORMAT.encode()
    if not newline:
        if len(start) < MAX_HEADER_BYTES and (start.startswith(opening) or opening.startswith(start)):
            raise Torn(f"it ends after {file_bytes} bytes")
        raise Foreign("it does not begin as a batch does")
    try:
        header = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Foreign(f"its first line is not that of a batch: {error}") from error
    if header.format != FORMAT or header.encoding not in _ENCODINGS or header.table not in TABLES.values():
        raise Foreign(f"its first line is that of another version: {header.format!r}, {header.table!r}")
    if header.rows < 0 or header.block_bytes < 0:
        raise Foreign("its first line holds a negative number")
    found = Description(header, len(line) + 1)
    if file_bytes < found.file_bytes:
        raise Torn(f"it has {file_bytes} of {found.file_bytes} bytes")
    if file_bytes > found.file_bytes:
        raise Foreign(f"it has {file_bytes} bytes and not {found.file_bytes}", header.rows)
    return found


def decode(content: bytes) -> Batch:
    """The batch of a whole file. Raises Torn, Foreign."""
    found = describe(content[:MAX_HEADER_BYTES], len(content))
    header, block = found.header, content[found.header_bytes :]
    if _checksum(header, block) != header.checksum:
        raise Foreign("its checksum does not fit", header.rows)
    return Batch(header.table, header.rows, block, header.token, header.encoding)


def _checksum(header: Header, block: bytes) -> str:
    digest = blake2b(digest_size=CHECKSUM_BYTES)
    digest.update(msgspec.json.encode(msgspec.structs.replace(header, checksum="")))
    digest.update(block)
    return digest.hexdigest()


_decoder = msgspec.json.Decoder(Header)
