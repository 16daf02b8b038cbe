"""Where a statement ends and its rows begin, by the rules of ClickHouse's own parser."""

from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded_clickhouse.errors import QueryError
from embedded_clickhouse.lexer import TokenKind, tokens
from embedded_clickhouse.statements import StatementKind, plan

# Statement, rows, and the name of their format. The server skips blanks and one line end after FORMAT's name
# and nothing after VALUES (ParserInsertQuery).
INLINE_INSERTS = [
    (b"insert into t values", b" (1, 'a')", "Values"),
    (b"INSERT INTO t (a, b) VALUES", b"(1),(2)", "Values"),
    (b"insert into db.t format Native\n", b"\x01\x02\x00;garbage'", "Native"),
    (b"insert into t format CSV\n", b"\n1,2\n\n3,4\n", "CSV"),
    (b"insert into t format CSV\r\n", b"1,2", "CSV"),
    (b"insert into t format JSONEachRow ", b'{"a": 1}', "JSONEachRow"),
    (b"insert into t settings async_insert = 1, x = 'format b' format TSV\n", b"1", "TSV"),
    (b"insert into table `values` (`format`) format TSV\n", b"1", "TSV"),
    (b"insert into values values", b"(1)", "Values"),
    (b"insert into t (* except(b)) -- format Native\n format TSV\n", b"1", "TSV"),
    (b"insert into function null('a Int8') format TSV\n", b"1", "TSV"),
    (b"/* insert /* nested */ */ insert into t format TSV\n", b"1", "TSV"),
]


@pytest.mark.parametrize(("statement", "rows", "format_name"), INLINE_INSERTS)
def test_rows_begin_where_the_server_would_read_them(statement: bytes, rows: bytes, format_name: str) -> None:
    found = plan(statement + rows)
    assert found.kind is StatementKind.INSERT_ROWS
    assert (statement + rows)[found.rows_at :] == rows
    assert found.after_rows.endswith(f"FORMAT {format_name}")


def test_insert_from_a_file_keeps_columns_and_settings_in_the_order_of_the_grammar() -> None:
    text = b"insert into db.t (a, `b c`) settings max_insert_block_size = 5 format CSV\n1,2"
    words = plan(text).insert_from("/proc/self/fd/9").split()
    assert " ".join(words) == (
        "insert into db.t (a, `b c`) FROM INFILE '/proc/self/fd/9' COMPRESSION 'none' "
        "settings max_insert_block_size = 5 FORMAT CSV"
    )


@pytest.mark.parametrize(
    "statement",
    [
        b"insert into t select 1",
        b"insert into t (a) with 1 as x select x",
        b"insert into t (select 1)",
        b"insert into t from infile '/tmp/x' format CSV",
    ],
)
def test_insert_whose_rows_are_not_inline_runs_as_it_is(statement: bytes) -> None:
    found = plan(statement)
    assert found.kind is StatementKind.COMMAND
    assert found.before_rows == statement.decode()


@pytest.mark.parametrize(
    "statement",
    [
        b"select 1; select 2",
        b"drop table t; this does not parse",
        b"insert into t values (1); drop table t",
        b"insert into t select 1; drop table t",
        b"set a = 1; select 1",
        b"select ';'; select 1",
    ],
)
def test_second_statement_is_refused(statement: bytes) -> None:
    with pytest.raises(QueryError, match="Multi-statements are not allowed") as caught:
        plan(statement)
    assert (caught.value.code, caught.value.status) == (62, 400)


@pytest.mark.parametrize(
    "statement",
    [
        b"select 1;",
        b"select ';' -- ; select 2",
        b"select 1 /* ; */ ; ;\n",
        b"select $$;$$",
        b"select `a;b` from t",
        b"select 'it''s; fine', 'back\\'slash;'",
        b"insert into t values ('a;b');",
    ],
)
def test_semicolon_that_starts_no_statement_is_accepted(statement: bytes) -> None:
    plan(statement)


@pytest.mark.parametrize("statement", [b"", b"  \n", b"-- nothing", b"/* nothing */"])
def test_empty_statement_is_refused(statement: bytes) -> None:
    with pytest.raises(QueryError, match="Empty query"):
        plan(statement)


@pytest.mark.parametrize("statement", [b"select 'abc", b"select `abc", b"/* abc", b'insert into t ("a'])
def test_quote_that_does_not_close_is_refused(statement: bytes) -> None:
    with pytest.raises(QueryError):
        plan(statement)


def test_insert_from_input_is_refused_because_the_engine_stores_nothing() -> None:
    with pytest.raises(QueryError) as caught:
        plan(b"insert into t select * from input('a Int8') format CSV\n1")
    assert (caught.value.code, caught.value.status) == (48, 501)


@pytest.mark.parametrize(
    ("statement", "maybe_format"),
    [
        (b"select 1 format JSON", "JSON"),
        (b"select 1 format JSON settings max_threads = 1", "JSON"),
        (b"select 1 format JSON;", "JSON"),
        (b"select 1", None),
        (b"select format from t", None),
        (b"select * from (select 1) as format where 1", None),
        (b"select format('{}', 1)", None),
        (b"show tables format CSV", "CSV"),
    ],
)
def test_output_format_is_the_one_of_the_format_clause(statement: bytes, maybe_format: str | None) -> None:
    assert plan(statement).maybe_output_format == maybe_format


@pytest.mark.parametrize(
    ("statement", "output_format", "is_streamable"),
    [
        (b"select 1", "Native", True),
        (b"with 1 as x select x", "TabSeparated", True),
        (b"select 1", "JSON", False),
        (b"select 1", "Parquet", False),
        (b"show tables", "TabSeparated", False),
    ],
)
def test_only_selects_in_formats_without_an_end_are_streamed(
    statement: bytes, output_format: str, is_streamable: bool
) -> None:
    assert plan(statement).is_streamable(output_format) is is_streamable


def test_tokens_cover_everything_but_space_and_comments() -> None:
    text = b"select `a b`, 'it\\'s' /* c /* d */ */ from t -- end"
    kinds = [token.kind for token in tokens(text)]
    assert b"|".join(text[token.start : token.end] for token in tokens(text)) == (
        b"select|`a b`|,|'it\\'s'|from|t"
    )
    assert kinds == [
        TokenKind.WORD,
        TokenKind.QUOTED_NAME,
        TokenKind.PUNCTUATION,
        TokenKind.LITERAL,
        TokenKind.WORD,
        TokenKind.WORD,
    ]


FRAGMENTS = [
    "insert", "into", "t", "(", ")", "values", "format", "CSV", "settings", "select", "from", "input",
    "with", "temporary", "1", "=", ".", ",", ";", "'", "`", '"', "--", "/*", "*/", "$$", "$a$", "\\",
    "\u2018", "\xe9",
]  # fmt: skip


@given(st.lists(st.sampled_from([*FRAGMENTS, "\n"]), max_size=25).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_any_text_is_planned_or_refused(text: str) -> None:
    encoded = text.encode()
    with contextlib.suppress(QueryError):
        found = plan(encoded)
        assert 0 <= found.rows_at <= len(encoded)
        assert encoded.startswith(found.before_rows.encode())


@pytest.mark.parametrize("filler", [b"'", b"''", b"$a$$b$", b"/*", b"\\'", b"(", b"`"])
def test_long_text_is_planned_in_linear_time(filler: bytes) -> None:
    start = time.perf_counter()
    with contextlib.suppress(QueryError):
        plan(b"select " + filler * (40_000 // len(filler)))
    with contextlib.suppress(QueryError):
        plan(b"insert into t values (" + filler * (40_000 // len(filler)) + b";")
    assert time.perf_counter() - start < 5
