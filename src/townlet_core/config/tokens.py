"""The words of a condition, and what is wrong where it is none."""

from __future__ import annotations

import re
from typing import NamedTuple

from townlet_core.errors import InputError


class ExpressionError(InputError):
    """A condition is not written in the language; the place is the column, from 1."""

    def __init__(self, problem: str, column: int, *, hint: str | None = None) -> None:
        super().__init__(problem, where=f"column {column}", hint=hint)
        self.column = column


class Token(NamedTuple):
    """A number, a word, a sign or the end, and its column from 1."""

    kind: str
    text: str
    column: int


_PATTERN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=|>=|==|!=|[-+*/<>()])"
)
_SLIPS = {"&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "=": "=="}


def read_tokens(text: str) -> list[Token]:
    """Cut a condition into words, the end included.

    Raises:
        ExpressionError: a sign is not of the language.
    """
    found, at = [], 0
    while at < len(text):
        match = _PATTERN.match(text, at)
        if match is None:
            sign = text[at : at + 2] if text[at : at + 2] in _SLIPS else text[at]
            hint = f"write '{_SLIPS[sign]}'" if sign in _SLIPS else None
            raise ExpressionError(f"unknown sign {sign!r}", at + 1, hint=hint)
        if match.lastgroup != "space":
            found.append(Token(match.lastgroup or "", match.group(), at + 1))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]
