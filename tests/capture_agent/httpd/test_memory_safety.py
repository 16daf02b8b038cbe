"""The module under AddressSanitizer, UndefinedBehaviorSanitizer and valgrind, fed with mutated requests."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hpack import Encoder
from http2_client import PREFACE, frame, headers, priority, request_fields, settings, window_update
from private_apache import EventReader, PrivateApache, build_module

SEED = 2_026
REQUESTS = (
    b"GET /index.html?a=1 HTTP/1.1\r\nHost: a\r\nUser-Agent: a\r\nCookie: a=1; b=2;c\r\nAccept: x\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n",
    b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nAccept: a\r\n b\r\n\tc\r\n" + b"Cookie: " + b"x=y;" * 1_500 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\n" + b"Accept: " + b'"\xff' * 3_000 + b"\r\n" + b"A: b\r\n" * 95 + b"\r\n",
    b"\x16\x03\x01\x02\x00\n\n",
)


def mutated(rng: random.Random, sent: bytes) -> bytes:
    """Some bytes replaced, a part doubled or cut away."""
    changed = bytearray(sent)
    for _ in range(rng.randrange(4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    start, end = sorted((rng.randrange(len(changed)), rng.randrange(len(changed))))
    choice = rng.randrange(4)
    if choice == 0:
        changed[start:start] = changed[start:end][:2_000]
    elif choice == 1:
        del changed[start : min(end, start + 40)]
    return bytes(changed)


def http2_openings() -> list[bytes]:
    """Connections whose first frames are sound; mutation breaks them."""
    fields = request_fields("/index.html", ("cookie", "sid=1"), ("x-odd", "y" * 200), ("user-agent", "a"))
    block = Encoder().encode(fields)
    return [
        PREFACE + settings((1, 65_536), (4, 1)) + window_update(9) + headers(Encoder(), fields),
        PREFACE + settings((2, 0)) + priority(3, 0, 9) * 5 + headers(Encoder(), fields, stream=13),
        PREFACE
        + settings()
        + frame(1, b"\x04" + block[:20] + b"\0" * 4, flags=0x8, stream=1)
        + frame(9, block[20:], flags=0x4, stream=1),
    ]


def work(apache: PrivateApache, reader: EventReader, rounds: int) -> None:
    """Sound requests, then `rounds` mutated ones, the reader stalled in the middle, dead at the end."""
    rng = random.Random(SEED)
    openings = http2_openings()
    for number in range(rounds):
        sound = number < len(REQUESTS)
        plain = REQUESTS[number % len(REQUESTS)]
        opening = openings[number % len(openings)]
        with contextlib.suppress(OSError), apache.connect() as connection:
            connection.sendall(plain * 2 if sound else mutated(rng, plain * 2))
            connection.settimeout(0.02)
            while connection.recv(65_536):
                pass
        with contextlib.suppress(OSError), apache.connect_tls("h2") as connection:
            connection.sendall(opening if sound else mutated(rng, opening))
            connection.settimeout(0.02)
            while connection.recv(65_536):
                pass
        if number == rounds // 3:
            reader.stall()
        elif number == rounds // 2:
            reader.resume()
    reader.die()
    with contextlib.suppress(OSError), apache.connect() as connection:
        connection.sendall(REQUESTS[0] * 20)
        connection.recv(65_536)


def library(name: str) -> str:
    """Path of a library of the compiler."""
    found = subprocess.run(["cc", f"-print-file-name={name}"], capture_output=True, text=True, check=True)
    return found.stdout.strip()


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    if not Path(library("libasan.so")).is_absolute():
        pytest.skip("the compiler has no AddressSanitizer")
    module = build_module(tmp_path, "-fsanitize=address,undefined -fno-sanitize-recover=undefined")
    environment = {
        "LD_PRELOAD": f"{library('libasan.so')}:{library('libubsan.so')}",
        "ASAN_OPTIONS": "detect_leaks=0",
    }
    apache = PrivateApache(module, directives="ReqinLogBuffer 131072", environment=environment)
    reader = EventReader(apache.socket_path).start()
    with apache:
        work(apache, reader, 90)
        apache.restart_gracefully()
        time.sleep(0.5)
        apache.stop()
        log = apache.log()
    assert "AddressSanitizer" not in log
    assert "runtime error" not in log
    assert "exit signal" not in log
    assert len(reader.of_kind("end")) > 90


@pytest.mark.slow
def test_valgrind_finds_nothing_in_the_module(module: Path) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("no valgrind on this machine")
    apache = PrivateApache(module, directives="ReqinLogBuffer 131072", single_process=True)
    log_file = apache.root / "valgrind.log"
    apache.run_under("valgrind", "--leak-check=full", f"--log-file={log_file}")
    reader = EventReader(apache.socket_path).start()
    with apache:
        work(apache, reader, 24)
        apache.stop()
        reports = log_file.read_text()
    assert "ERROR SUMMARY" in reports, "valgrind did not end"
    blocks = re.split(r"\n==\d+== \n", reports)
    assert [block for block in blocks if "mod_reqin_log" in block] == []
    assert len(reader.of_kind("end")) > 24
