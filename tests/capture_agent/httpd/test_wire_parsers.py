"""The module's C parsers on mutated input, under the sanitizers, beside the agent's own parsers."""

from __future__ import annotations

import base64
import json
import os
import random
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hpack import Decoder, Encoder, HPACKError
from http2_client import PREFACE, frame, headers, priority, request_fields, settings, window_update
from private_apache import HTTPD

from capture_agent.wire.errors import Malformed
from capture_agent.wire.http2 import parse_http2_start

SEED = 2_026
ROUNDS = 3_000
SANITISE = "-fsanitize=address,undefined -fno-sanitize-recover=undefined"
STATIC_VALUES = {
    *(b"", b"GET", b"POST", b"/", b"/index.html", b"http", b"https", b"gzip, deflate"),
    *(b"200", b"204", b"206", b"304", b"400", b"404", b"500"),
}
"""RFC 7541 appendix A: a field of the static table has its value without the client writing it."""
FIELDS = request_fields(
    "/index.html?q=1",
    *(("user-agent", "a" * 70), ("x-odd", "1"), ("cookie", "sid=1"), ("x-odd", "2"), ("accept", "*/*")),
)


@dataclass(frozen=True)
class Parsers:
    """The compiled program."""

    program: Path

    def lines(self, records: list[tuple[str, int, bytes]]) -> list[bytes]:
        """What it writes for each (kind, size of a piece, bytes)."""
        feed = b"".join(
            struct.pack("<cII", kind.encode(), step, len(octets)) + octets for kind, step, octets in records
        )
        run = subprocess.run(
            [self.program],
            input=feed,
            capture_output=True,
            timeout=120,
            env={"ASAN_OPTIONS": "detect_leaks=0"},
        )
        assert run.returncode == 0, run.stderr.decode(errors="replace")[-2_000:]
        lines = run.stdout.split(b"\n")
        assert len(lines) == len(records) + 1
        return lines[:-1]


@pytest.fixture(scope="module")
def parsers(tmp_path_factory: pytest.TempPathFactory) -> Parsers:
    folder = tmp_path_factory.mktemp("parsers")
    subprocess.run(
        ["make", "-s", "-C", str(HTTPD), f"BUILD={folder}", f"SANITISE={SANITISE}", f"{folder}/wire_parsers"],
        check=True,
        timeout=120,
        env=os.environ,
    )
    return Parsers(folder / "wire_parsers")


def mutated(rng: random.Random, octets: bytes) -> bytes:
    """Up to three bytes changed, a part cut out or doubled, or the end cut off."""
    changed = bytearray(octets)
    for _ in range(rng.randrange(4)):
        changed[rng.randrange(len(changed))] = rng.choice((0, 1, 9, 10, 13, 32, 58, 127, 128, 255))
    start, end = sorted((rng.randrange(len(changed)), rng.randrange(len(changed))))
    choice = rng.randrange(6)
    if choice == 0:
        changed[start:start] = changed[start:end]
    elif choice == 1:
        del changed[start:end]
    elif choice == 2:
        del changed[start:]
    return bytes(changed)


def steps(rng: random.Random) -> int:
    return rng.choice((1, 2, 7, 64, 1 << 20))


def test_http1_names_do_not_depend_on_the_cut(parsers: Parsers) -> None:
    rng = random.Random(SEED)
    seed = (
        b"GET / HTTP/1.1\r\nHost: a\r\nAccept: a,\r\n b\r\nCookie: " + b"x=1;" * 40 + b"\r\nlong: "
        + b"v" * 9_000 + b"\r\nno colon\r\n: empty\r\nACCEPT:b\n" + b"N: v\r\n" * 300 + b"\r\nX-Body: 1\r\n"
    )  # fmt: skip
    records = []
    for _ in range(ROUNDS // 6):
        octets = mutated(rng, seed)
        records += [("1", 1 << 20, octets), ("1", steps(rng), octets)]
    lines = parsers.lines(records)
    assert lines[::2] == lines[1::2]


def head_of(fields: list[bytes]) -> bytes:
    """A request with these lines of fields."""
    return b"\r\n".join([b"GET / HTTP/1.1", *fields, b"", b""])


def fields_of(parsers: Parsers, head: bytes) -> list[dict[str, Any]]:
    """What is told of a request's head that arrives in pieces of different sizes."""
    sizes = (1, 3, 1 << 20)
    return [json.loads(line) for line in parsers.lines([("1", size, head) for size in sizes])]


def test_http1_names_are_those_of_the_lines(parsers: Parsers) -> None:
    sent = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nb :c\r\nX\xff:1\nY\r\n folded: no\r\n\r\nBody: 1\r\n\r\n"
    for told in fields_of(parsers, sent):
        assert told["headers"] == [[name, None] for name in ("Host", "b", "X\\xff", "Y")]


def test_a_continued_value_is_one_value_with_a_space(parsers: Parsers) -> None:
    """RFC 9112 section 5.2: the line's end and the white space around it are as one space."""
    folded = b'GET / HTTP/1.1\r\nAccept: a,\r\n\t b\r\n  \r\n "c\r\nX: secret\r\n secret\r\n'
    for told in fields_of(parsers, folded + b"accept:\r\n x\r\nAccept:\r\n d\r\n\r\n"):
        assert told["headers"] == [["Accept", 'a, b "c'], ["X", None], ["accept", None], ["Accept", " d"]]


def test_a_continued_value_ends_where_any_value_ends(parsers: Parsers) -> None:
    lines = [b"Accept: " + b"a" * 2_000, b" " + b"b" * 46, b" cd", b" e", b"Accept: f"]
    for told in fields_of(parsers, head_of(lines)):
        assert told["headers"] == [["Accept", "a" * 2_000 + " " + "b" * 46 + " "], ["Accept", "f"]]


def test_no_part_of_a_continued_cookie_becomes_a_name(parsers: Parsers) -> None:
    lines = [b"Cookie: a=secret", b" more=secret; b=1;", b" c=2; alone; =x", b" d=3"]
    for told in fields_of(parsers, head_of(lines)):
        assert told["headers"] == [["Cookie", None]]
        assert told["cookie_names"] == ["a", "b", "c"]


def test_fields_without_room_are_left_out_whole(parsers: Parsers) -> None:
    fields = [b'Accept: "' + b'"' * 2_046 for _ in range(20)]
    for told in fields_of(parsers, head_of(fields)):
        assert told["headers_cut"]
        assert 5 <= len(told["headers"]) < 20
        assert {value for _, value in told["headers"]} == {'"' * 2_047}
    cookies = b"; ".join(b"\x01" * 200 + b"%d=1" % number for number in range(20))
    for told in fields_of(parsers, head_of([b"Cookie: " + cookies, b"Host: a"])):
        names = told["cookie_names"]
        assert names == ["\x01" * 200 + str(number) for number in range(len(names))]
        assert 5 <= len(names) < 20
        assert told["headers"] == [["Cookie", None], ["Host", None]]


def openings() -> list[bytes]:
    block = Encoder().encode(FIELDS)
    return [
        PREFACE + settings((1, 65_536), (4, 1)) + window_update(9) + headers(Encoder(), FIELDS),
        PREFACE + settings((2, 0)) + priority(3, 0, 9) * 5 + headers(Encoder(), FIELDS, stream=13),
        PREFACE
        + settings()
        + frame(1, b"\x04" + b"\0\0\0\x03\x10" + block[:20] + b"\0" * 4, flags=0x8 | 0x20, stream=1)
        + frame(9, block[20:], flags=0x4, stream=1),
    ]


def test_http2_frames_give_the_agent_what_the_client_sent(parsers: Parsers) -> None:
    """Whatever the module hands over decodes to the same facts as the bytes of the client."""
    rng = random.Random(SEED)
    records = []
    for number in range(ROUNDS):
        octets = openings()[number % 3] if number < 3 else mutated(rng, openings()[number % 3])
        records += [("2", 1 << 20, octets), ("2", steps(rng), octets)]
    lines = parsers.lines(records)
    assert lines[::2] == lines[1::2]
    handed_over = 0
    for (_, _, octets), line in zip(records[::2], lines[::2], strict=True):
        if not line:
            continue
        handed_over += 1
        try:
            expected = parse_http2_start(octets)
        except Malformed:
            continue  # the module does not decode Huffman codes or look names up
        assert parse_http2_start(base64.b64decode(line)) == expected
    assert handed_over > ROUNDS / 5
    assert all(lines[:6])


def test_frames_too_short_for_their_flags_hand_nothing_over(parsers: Parsers) -> None:
    short = [
        PREFACE + frame(1, b"\x02" * size, flags=flags | 0x4, stream=1)
        for size in range(7)
        for flags in (0x8, 0x20, 0x8 | 0x20)
        if size < bool(flags & 0x8) * 3 + bool(flags & 0x20) * 5
    ]
    assert set(parsers.lines([("2", step, octets) for octets in short for step in (1, 1 << 20)])) == {b""}


def test_blanked_blocks_keep_names_and_lose_values(parsers: Parsers) -> None:
    rng = random.Random(SEED)
    blocks = [Encoder().encode(FIELDS, huffman=huffman) for huffman in (True, False)]
    octets = [mutated(rng, blocks[number % 2]) if number > 1 else blocks[number] for number in range(ROUNDS)]
    for block, line in zip(octets, parsers.lines([("h", 1, block) for block in octets]), strict=True):
        try:
            fields = Decoder().decode(block, raw=True)
        except HPACKError:
            continue
        assert line != b"broken"
        blanked = Decoder().decode(bytes.fromhex(line.decode()), raw=True)
        assert [field[0] for field in blanked] == [field[0] for field in fields]
        static = {
            b"GET",
            b"https",
            b"http",
            b"/",
            b"/index.html",
            b"POST",
            b"200",
            b"204",
            b"206",
            b"304",
            b"400",
        }
        assert {field[1] for field in blanked} <= static | {b"404", b"500", b"", b"gzip, deflate"}


def test_any_text_is_a_json_string_that_reads_back(parsers: Parsers) -> None:
    rng = random.Random(SEED)
    alphabet = [bytes([byte]) for byte in range(256)] + ["é".encode(), "€".encode(), "😀".encode()]
    alphabet += [b"a"] * 400
    texts = [b"".join(rng.choices(alphabet, k=rng.randrange(60))) for _ in range(ROUNDS)]
    for octets, line in zip(texts, parsers.lines([("j", 1 << 20, text) for text in texts]), strict=True):
        read = json.loads(line.decode("utf-8"))
        assert read == octets.decode("utf-8", "backslashreplace")


def test_cut_text_ends_between_characters(parsers: Parsers) -> None:
    lines = parsers.lines([("j", cut, "aé€😀b".encode()) for cut in range(12)])
    assert [json.loads(line) for line in lines] == (
        ["", "a", "a", "aé", "aé", "aé", "aé€", "aé€", "aé€", "aé€", "aé€😀", "aé€😀b"]
    )
