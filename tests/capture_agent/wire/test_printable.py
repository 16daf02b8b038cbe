from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from capture_agent.wire.printable import printable


@given(st.binary(max_size=30))
def test_the_bytes_can_be_told_from_the_text(octets: bytes) -> None:
    text = printable(octets)
    assert text.isascii()
    assert text.isprintable()
    back = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
    assert back.encode("latin-1") == octets


def test_names_stay_and_the_backslash_does_not() -> None:
    assert printable(b"shop.example") == "shop.example"
    assert printable(b"a\\x\n\xff") == r"a\x5cx\x0a\xff"
