"""Header fields that the compiled code takes apart: what the reference makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from capture_agent.canary.token import PREFIX
from capture_agent.intake import request_headers as reference
from capture_agent.intake.request_headers import MAX_VALUE_CHARS, Headers
from capture_agent.rows.stored import STORED_HEADERS

compiled = pytest.importorskip(
    "capture_agent.compiled.request_headers",
    reason="the compiled modules are not built, so nothing was compared",
)

SPELLINGS = [str.lower, str.upper, str.title]
TELLING = st.sampled_from([*sorted(STORED_HEADERS), "cookie", "host", "authorization", "İ", "ſec-ch-ua"])
NAMES = st.one_of(
    st.builds(lambda name, spell: spell(name), TELLING, st.sampled_from(SPELLINGS)), st.text(max_size=80)
)
VALUES = st.one_of(
    st.none(),
    st.text(max_size=20),
    st.sampled_from(
        ["https://a.test/?q=secret", "a=1; b=2", PREFIX, f"{PREFIX}x", "é" * (MAX_VALUE_CHARS + 1)]
    ),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=12).map(tuple)
KEPT = st.frozensets(st.sampled_from(sorted(STORED_HEADERS)))


@settings(max_examples=400, deadline=None)
@given(headers=FIELDS, kept=st.one_of(st.just(STORED_HEADERS), KEPT), keeps_query=st.booleans())
def test_fields_are_split_as_the_reference_does(
    headers: Headers, kept: frozenset[str], keeps_query: bool
) -> None:
    expected = reference.split_headers(headers, kept, keeps_query)
    for _ in range(2):
        assert compiled.split_headers(headers, kept, keeps_query) == expected


def test_names_beyond_what_is_remembered_are_still_told_apart() -> None:
    for number in range(5_000):
        headers = ((f"X-{number}", "secret"), ("Cookie", "a=1"), ("Accept", "*/*"))
        split = compiled.split_headers(headers, STORED_HEADERS, False)
    assert split == reference.split_headers(headers, STORED_HEADERS, False)
    assert split.kept == ((f"X-{number}", None), ("Cookie", None), ("Accept", "*/*"))
