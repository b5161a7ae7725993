"""How wide text is in a terminal, where some signs take two cells and some none."""

from __future__ import annotations

import unicodedata

_NONE = frozenset({"Mn", "Me", "Cf"})  # marks on the sign before, and what only formats


def cells(text: str) -> int:
    """Give the width of a text in cells. Source: https://www.unicode.org/reports/tr11/"""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, room: int) -> str:
    """Give as much of the begin of a text as fits."""
    if cells(text) <= room:
        return text
    used = 0
    for place, sign in enumerate(text):
        used += _cells(sign)
        if used > room:
            return text[:place]
    return text


def _cells(sign: str) -> int:
    if unicodedata.category(sign) in _NONE:
        return 0
    return 2 if unicodedata.east_asian_width(sign) in ("W", "F") else 1
