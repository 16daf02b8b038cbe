"""The grammar of the query box."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soc_dashboard.search.terms import MAX_QUERY, MAX_TERMS, SearchError, Term, narrowed, parse, written


def shapes(text: str) -> list[tuple[str, str, bool]]:
    return [(term.field, term.value, term.is_excluded) for term in parse(text)]


def test_fields_exclusions_and_free_text() -> None:
    assert shapes("ja4:t13d* score:>0.8 -verdict:human login") == [
        ("ja4", "t13d*", False),
        ("score", ">0.8", False),
        ("verdict", "human", True),
        ("", "login", False),
    ]


def test_quotes_keep_spaces_and_take_the_star_literally() -> None:
    (term,) = parse(r'ua:"Mozilla/5.0 \"x\" *"')
    assert (term.value, term.is_quoted) == ('Mozilla/5.0 "x" *', True)


def test_an_address_with_colons_is_one_value() -> None:
    assert shapes("ip:2001:db8::/32") == [("ip", "2001:db8::/32", False)]


def test_a_url_is_free_text_behind_quotes() -> None:
    assert shapes('"http://a/b"') == [("", "http://a/b", False)]


def test_a_lone_dash_is_text() -> None:
    assert shapes("- a") == [("", "-", False), ("", "a", False)]


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("status:200 host:", 11, "a value must follow `host:`"),
        ('ua:"open', 3, "not closed"),
        ("a" * (MAX_QUERY + 1), MAX_QUERY, "longer than"),
        ("a " * (MAX_TERMS + 1), 2 * MAX_TERMS, "more than"),
        ("a\0b", 1, "NUL"),
    ],
)
def test_mistakes_are_named_with_their_place(text: str, position: int, words: str) -> None:
    with pytest.raises(SearchError, match=words) as caught:
        parse(text)
    assert caught.value.position == position


NAMES = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(st.builds(Term, st.one_of(st.just(""), NAMES), VALUES, st.booleans(), st.booleans())))
def test_written_terms_parse_to_themselves(terms: list[Term]) -> None:
    again = parse(written(terms[:8]))
    assert [(t.field, t.value, t.is_excluded) for t in again] == [
        (t.field, t.value, t.is_excluded) for t in terms[:8]
    ]


@given(st.text(max_size=200))
def test_any_text_parses_or_is_refused_with_its_place(text: str) -> None:
    places: list[int] = []
    try:
        places += [term.position for term in parse(text)]
    except SearchError as failure:
        places.append(failure.position)
    assert all(0 <= place <= len(text) for place in places)
    assert places or not text.strip()


def test_a_query_is_narrowed_and_what_it_said_of_the_same_value_gives_way() -> None:
    assert narrowed("status:404 host:a", "-host:a") == "status:404 -host:a"
    assert narrowed("", 'host:"a b"') == 'host:"a b"'
