"""Cuts ClickHouse SQL into tokens, as far as finding a statement's clauses needs.

Works on bytes, because the rows of an INSERT may follow the statement in any encoding. Rules follow
ClickHouse's own lexer: backslash and doubled quotes in literals, nested block comments, heredocs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class TokenKind(Enum):
    """What a token can mean for the statement planner."""

    WORD = "word"
    QUOTED_NAME = "quoted name"
    LITERAL = "literal"
    PUNCTUATION = "punctuation"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: bytes `start` to `end` of the text, `upper` its text if it is a word or punctuation."""

    kind: TokenKind
    start: int
    end: int
    upper: str


_TRIVIA = re.compile(rb"(?:[\s\x00\xa0]|\xc2\xa0|--[^\n]*|//[^\n]*|\#[ !][^\n]*)+")
_WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_$]*")
_NUMBER = re.compile(rb"[0-9][A-Za-z0-9_.]*")
# Possessive, so that a text of any length with a quote left open is gone through once.
_STRING = re.compile(rb"'(?:[^'\\]++|\\.|'')*+'", re.DOTALL)
_BACKTICKED = re.compile(rb"`(?:[^`\\]++|\\.|``)*+`", re.DOTALL)
_DOUBLE_QUOTED = re.compile(rb'"(?:[^"\\]++|\\.|"")*+"', re.DOTALL)
_CURLY_STRING = re.compile(rb"\xe2\x80\x98.*?\xe2\x80\x99", re.DOTALL)
_CURLY_NAME = re.compile(rb"\xe2\x80\x9c.*?\xe2\x80\x9d", re.DOTALL)
_HEREDOC_TAG = re.compile(rb"\$[A-Za-z0-9_]*\$")
_STRING_OR_SEMICOLON = re.compile(rb"'(?:[^'\\]++|\\.|'')*+(?:'|\Z)|;", re.DOTALL)
_COMMENT_EDGE = re.compile(rb"/\*|\*/")

_QUOTED: dict[bytes, tuple[tuple[re.Pattern[bytes], TokenKind], ...]] = {
    b"'": ((_STRING, TokenKind.LITERAL),),
    b"`": ((_BACKTICKED, TokenKind.QUOTED_NAME),),
    b'"': ((_DOUBLE_QUOTED, TokenKind.QUOTED_NAME),),
    b"\xe2": ((_CURLY_STRING, TokenKind.LITERAL), (_CURLY_NAME, TokenKind.QUOTED_NAME)),
}
_ALWAYS_CLOSED = (b"'", b"`", b'"')


def tokens(text: bytes, start: int = 0) -> Iterator[Token]:
    """Tokens of `text` from byte `start`, comments and space left out.

    A literal, quoted name or comment that does not close ends the iteration with one UNFINISHED token.
    """
    position = start
    while position < len(text):
        trivia = _TRIVIA.match(text, position)
        if trivia is not None:
            position = trivia.end()
            continue
        if text.startswith(b"/*", position):
            closed = _end_of_comment(text, position)
            if closed is None:
                yield Token(TokenKind.UNFINISHED, position, len(text), "")
                return
            position = closed
            continue
        token = _token_at(text, position)
        yield token
        position = token.end


def _token_at(text: bytes, position: int) -> Token:
    word = _WORD.match(text, position)
    if word is not None:
        return Token(TokenKind.WORD, position, word.end(), word.group().decode("ascii").upper())
    number = _NUMBER.match(text, position)
    if number is not None:
        return Token(TokenKind.LITERAL, position, number.end(), "")
    first = text[position : position + 1]
    for pattern, kind in _QUOTED.get(first, ()):
        quoted = pattern.match(text, position)
        if quoted is not None:
            return Token(kind, position, quoted.end(), "")
    heredoc = _HEREDOC_TAG.match(text, position)
    if heredoc is not None:
        closing = text.find(heredoc.group(), heredoc.end())
        if closing >= 0:
            return Token(TokenKind.LITERAL, position, closing + len(heredoc.group()), "")
    if first in _ALWAYS_CLOSED:
        return Token(TokenKind.UNFINISHED, position, len(text), "")
    return Token(TokenKind.PUNCTUATION, position, position + 1, first.decode("latin-1"))


def maybe_semicolon(text: bytes, start: int) -> int | None:
    """Offset of the first `;` outside of strings from byte `start`, faster than by tokens."""
    for found in _STRING_OR_SEMICOLON.finditer(text, start):
        if found.group() == b";":
            return found.start()
    return None


def _end_of_comment(text: bytes, start: int) -> int | None:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(text, start):
        depth += 1 if edge.group() == b"/*" else -1
        if depth == 0:
            return edge.end()
    return None
