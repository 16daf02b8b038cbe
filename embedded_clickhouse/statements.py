"""Plans how a statement is run: which clause carries inline rows, whether its result can be streamed.

The engine must never see an INSERT with its rows inline: it corrupts Native, ends CSV at a blank line and
runs what follows as SQL. So the planner finds where the statement ends and the rows begin, and writes
the statement anew with the rows in a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from embedded_clickhouse.errors import NOT_IMPLEMENTED, SYNTAX_ERROR, QueryError, refusal
from embedded_clickhouse.lexer import Token, TokenKind, maybe_semicolon, tokens

MAX_STATEMENT_BYTES = 16 * 2**20
DEFAULT_OUTPUT_FORMAT = "TabSeparated"
DEFAULT_INSERT_FORMAT = "Values"

# Formats whose output is the plain sequence of its blocks: cut between two blocks they are still readable.
_STREAMABLE = {
    "native", "tabseparated", "tsv", "tabseparatedwithnames", "tsvwithnames", "tabseparatedwithnamesandtypes",
    "tsvwithnamesandtypes", "csv", "csvwithnames", "csvwithnamesandtypes", "rowbinary", "rowbinarywithnames",
    "rowbinarywithnamesandtypes", "jsoneachrow", "jsonlines", "ndjson",
}  # fmt: skip
_RESULT_WORDS = {"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "FROM", "("}
_SESSION_WORDS = {"SET", "USE"}
_OPEN, _CLOSE = {"(", "[", "{"}, {")", "]", "}"}


class StatementKind(Enum):
    """How the gateway runs a statement."""

    INSERT_ROWS = "insert rows"
    RESULT = "result"
    COMMAND = "command"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Plan:
    """How to run one statement.

    `before_rows` and `after_rows` enclose the clause that names the file of rows of an INSERT_ROWS;
    for the others `before_rows` is the whole statement. `rows_at` is the offset of the first inline
    row. `output_format` is the name in the statement's FORMAT clause, `is_streamable` says that the
    result may be sent block by block.
    """

    kind: StatementKind
    before_rows: str
    after_rows: str = ""
    rows_at: int = 0
    maybe_output_format: str | None = None
    is_select: bool = False
    makes_temporary: bool = False
    is_kill: bool = False
    changes_role: bool = False

    def insert_from(self, path: str) -> str:
        """The INSERT with its rows read from `path`."""
        return f"{self.before_rows}\nFROM INFILE '{path}' COMPRESSION 'none'\n{self.after_rows}"

    def is_streamable(self, output_format: str) -> bool:
        """Whether the result in `output_format` may be cut between two blocks."""
        return self.is_select and output_format.lower() in _STREAMABLE


def plan(text: bytes, maybe_default_format: str | None = None) -> Plan:
    """Plan `text`: one statement, and for an INSERT as much of its rows as was read with it.

    Raises QueryError for several statements, for an empty one and for what the engine gets wrong.
    """
    first = next(tokens(text), None)
    if first is None:
        raise refusal(SYNTAX_ERROR, "Empty query")
    if first.upper == "INSERT":
        maybe_insert = _plan_insert(text, maybe_default_format or DEFAULT_INSERT_FORMAT)
        if maybe_insert is not None:
            return maybe_insert
    return _plan_other(text, first)


def _plan_other(text: bytes, first: Token) -> Plan:
    depth = 0
    maybe_format: str | None = None
    previous: Token | None = None
    words: list[str] = []
    calls_input = False
    maybe_end: int | None = None
    format_end = -1
    for token in tokens(text):
        if token.kind is TokenKind.UNFINISHED:
            raise refusal(SYNTAX_ERROR, "Syntax error: a quoted string or a comment is not closed")
        if maybe_end is not None and token.upper != ";":
            raise multiple_statements(maybe_end)
        if token.upper in _OPEN:
            calls_input |= token.upper == "(" and previous is not None and previous.upper == "INPUT"
            depth += 1
        elif token.upper in _CLOSE:
            depth -= 1
        elif token.upper == ";" and depth <= 0:
            maybe_end = token.start if maybe_end is None else maybe_end
        elif (
            depth == 0
            and previous is not None
            and previous.upper == "FORMAT"
            and token.kind is TokenKind.WORD
        ):
            maybe_format = text[token.start : token.end].decode("ascii")
            format_end = token.end
        elif (
            maybe_format and previous is not None and previous.end == format_end and token.upper != "SETTINGS"
        ):
            maybe_format = None  # the word was a column or a table called `format`
        if len(words) < 4:
            words.append(token.upper)
        previous = token
    statement = _decode(text[: maybe_end if maybe_end is not None else len(text)])
    if first.upper == "INSERT" and calls_input:
        raise refusal(
            NOT_IMPLEMENTED, "INSERT ... SELECT FROM input() is not supported: it would store nothing"
        )
    is_result = first.upper in _RESULT_WORDS
    makes_temporary = "TEMPORARY" in words[1:] and words[0] in {"CREATE", "DROP", "ATTACH"}
    kind = StatementKind.RESULT if is_result else StatementKind.COMMAND
    if first.upper in _SESSION_WORDS or makes_temporary:
        kind = StatementKind.SESSION
    return Plan(
        kind,
        statement,
        maybe_output_format=maybe_format if is_result else None,
        is_select=first.upper in {"SELECT", "WITH", "FROM", "("},
        makes_temporary=makes_temporary,
        is_kill=first.upper == "KILL",
        changes_role=words[0] == "SET" and words[1:2] in (["ROLE"], ["DEFAULT"]),
    )


def _plan_insert(text: bytes, default_insert_format: str) -> Plan | None:
    """Plan an INSERT with inline rows; None if the rows come from a query or a file on the machine."""
    maybe_target_end: int | None = None
    depth = 0
    awaits_name = True
    previous: Token | None = None
    for token in tokens(text):
        if token.kind is TokenKind.UNFINISHED:
            raise refusal(SYNTAX_ERROR, "Syntax error: a quoted string or a comment is not closed")
        if depth == 0 and not awaits_name and token.kind is TokenKind.WORD:
            clause = token.upper
            if clause in {"SELECT", "WITH", "WATCH", "FROM", "EXPLAIN"}:
                return None
            if clause in {"SETTINGS", "FORMAT", "VALUES"} and maybe_target_end is None:
                maybe_target_end = token.start
            if clause == "VALUES":
                _require_no_more(text, token.end)
                return _inline(text, maybe_target_end, token, "Values", token.end)
            if previous is not None and previous.upper == "FORMAT" and maybe_target_end is not None:
                name = text[token.start : token.end].decode("ascii")
                return _inline(text, maybe_target_end, previous, name, _rows_after_format(text, token.end))
        if token.upper in _OPEN:
            if depth == 0 and token.upper == "(" and previous is not None and _is_subquery(text, token):
                return None
            depth += 1
        elif token.upper in _CLOSE:
            depth -= 1
        elif token.upper == ";" and depth == 0:
            raise refusal(SYNTAX_ERROR, "Syntax error: excessive ';' before the rows of INSERT")
        elif depth == 0:
            awaits_name = _awaits_name(token, previous, awaits_name)
        previous = token
    end = maybe_target_end if maybe_target_end is not None else len(text)
    clause_end = Token(TokenKind.PUNCTUATION, len(text), len(text), "")
    return _inline(text, end, clause_end, default_insert_format, len(text))


def _awaits_name(token: Token, previous: Token | None, awaits_name: bool) -> bool:
    """Whether the table's name is still to come after `token`.

    A table may be called `values` or `format`, so clauses are looked for only behind its name.
    """
    if token.upper == ".":
        return True
    if previous is not None and previous.upper == ".":
        return False
    if awaits_name and token.kind is not TokenKind.PUNCTUATION:
        return token.kind is TokenKind.WORD and token.upper in {"INSERT", "INTO", "TABLE", "FUNCTION"}
    return awaits_name


def _is_subquery(text: bytes, opening: Token) -> bool:
    inside = next(tokens(text, opening.end), None)
    return inside is not None and inside.upper in {"SELECT", "WITH"}


def _inline(text: bytes, maybe_target_end: int | None, clause: Token, name: str, rows_at: int) -> Plan:
    target_end = clause.start if maybe_target_end is None else maybe_target_end
    settings = _decode(text[target_end : clause.start]).strip()
    return Plan(
        StatementKind.INSERT_ROWS,
        before_rows=_decode(text[:target_end]).rstrip(),
        after_rows=f"{settings}\nFORMAT {name}",
        rows_at=rows_at,
    )


def _require_no_more(text: bytes, rows_at: int) -> None:
    """Refuse a statement behind the rows of VALUES: the engine would leave it out without a word."""
    maybe_end = maybe_semicolon(text, rows_at)
    if maybe_end is None:
        return
    if any(token.upper != ";" for token in tokens(text, maybe_end)):
        raise multiple_statements(maybe_end)


def _rows_after_format(text: bytes, position: int) -> int:
    """Offset of the rows: blanks are skipped, then at most one line end, as the server does."""
    while text[position : position + 1] in {b" ", b"\t", b"\f"}:
        position += 1
    if text[position : position + 1] == b";":
        raise refusal(SYNTAX_ERROR, "Syntax error: excessive ';' before the rows of INSERT")
    if text[position : position + 1] == b"\r":
        position += 1
    if text[position : position + 1] == b"\n":
        position += 1
    return position


def multiple_statements(position: int) -> QueryError:
    """The refusal of a second statement behind the `;` at byte `position`."""
    return refusal(
        SYNTAX_ERROR,
        f"Syntax error (Multi-statements are not allowed): failed at position {position + 1} (end of query)",
    )


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(
            SYNTAX_ERROR, f"Syntax error: the statement is not valid UTF-8 at byte {error.start}"
        ) from error
