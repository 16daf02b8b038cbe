"""Expected texts are those published for these browsers in the form of Akamai's paper of 2017."""

from __future__ import annotations

from dataclasses import replace

from capture_agent.fingerprint.http2_settings import h2_fingerprint
from capture_agent.wire.http2 import Http2Start, StreamPriority

CHROME = Http2Start(
    settings=((1, 65_536), (3, 1_000), (4, 6_291_456), (6, 262_144)),
    window_increment=15_663_105,
    priorities=(),
    first_stream=1,
    header_names=(b":method", b":authority", b":scheme", b":path", b"user-agent"),
)
FIREFOX = Http2Start(
    settings=((1, 65_536), (4, 131_072), (5, 16_384)),
    window_increment=12_517_377,
    priorities=(
        StreamPriority(3, False, 0, 201),
        StreamPriority(5, False, 0, 101),
        StreamPriority(7, False, 0, 1),
        StreamPriority(9, False, 7, 1),
        StreamPriority(11, False, 3, 1),
        StreamPriority(13, False, 0, 241),
    ),
    first_stream=15,
    header_names=(b":method", b":path", b":authority", b":scheme", b"user-agent"),
)


def test_published_fingerprints() -> None:
    assert h2_fingerprint(CHROME) == "1:65536;3:1000;4:6291456;6:262144|15663105|0|m,a,s,p"
    assert h2_fingerprint(FIREFOX) == (
        "1:65536;4:131072;5:16384|12517377|3:0:0:201,5:0:0:101,7:0:0:1,9:0:7:1,11:0:3:1,13:0:0:241|m,p,a,s"
    )


def test_absence_is_a_value() -> None:
    nothing = replace(CHROME, settings=(), window_increment=None, header_names=(b"accept",))
    assert h2_fingerprint(nothing) == "|00|0|"


def test_random_settings_identifiers_do_not_change_it() -> None:
    drawn = {
        h2_fingerprint(replace(CHROME, settings=(*CHROME.settings, (grease, grease * 7))))
        for grease in (0x0A0A, 0x1A1A, 0xFAFA)
    }
    assert drawn == {"1:65536;3:1000;4:6291456;6:262144;GREASE|15663105|0|m,a,s,p"}
    assert h2_fingerprint(replace(CHROME, settings=((0x1A2A, 1),))).startswith("6698:1|")


def test_a_name_cannot_forge_a_separator() -> None:
    forged = replace(CHROME, header_names=(b":|", b":,", b":;", b":\xff", b":"))
    assert h2_fingerprint(forged).endswith("|0|\\x7c,\\x2c,\\x3b,\\xff,")
