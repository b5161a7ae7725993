"""Pages of paragraphs and tables, for a terminal, a pipe or a Markdown file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Literal

FOLD = 100  # signs in a line of text
GAP = 2  # columns of signs between those of a table


@dataclass(frozen=True)
class Lines:
    """Lines of text; the first may be the title of a part."""

    lines: tuple[str, ...]
    title: str | None = None
    folded: bool = False  # in a pipe too, where lines are too long


@dataclass(frozen=True)
class Table:
    """A table in sections, its first column words and the others numbers.

    Args:
        sections: title and rows of each.
        least: places of columns that are left out where there is no room, the first first.
    """

    head: tuple[str, ...]
    sections: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]
    least: tuple[int, ...] = ()


Block = Lines | Table
Format = Literal["text", "markdown"]


def laid_out(blocks: Sequence[Block], form: Format, *, width: int | None = None) -> str:
    """Lay out a page.

    Args:
        width: most signs in a line: columns of tables are left out, and text is folded; None: as many as it takes.
    """
    if form == "markdown":
        return "\n\n".join(_markdown_table(each) if isinstance(each, Table) else _markdown(each) for each in blocks)
    return "\n\n".join(_text_table(each, width) if isinstance(each, Table) else _text(each, width) for each in blocks)


def _text(block: Lines, width: int | None) -> str:
    most = min(width or FOLD, FOLD) if block.folded else width
    if block.title is None:
        return "\n".join(_folded(line, most) for line in block.lines)
    return "\n".join((_folded(block.title, most), *(_folded(f"  {line}", most, "    ") for line in block.lines)))


def _folded(line: str, width: int | None, indent: str = "") -> str:
    """Go on in the next line where there is no room, between words."""
    if width is None or len(line) <= width:
        return line
    return fill(line, width, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)


def _markdown(block: Lines) -> str:
    title = (f"**{_escaped(block.title)}**", "") if block.title is not None else ()
    bullet = "- " if title or len(block.lines) > 1 else ""
    return "\n".join((*title, *(f"{bullet}{_escaped(line)}" for line in block.lines)))


def _text_table(table: Table, width: int | None) -> str:
    """Align columns, sections under their titles."""
    columns = list(range(len(table.head)))
    for least in table.least:
        if width is None or sum(_widths(table, columns)) + GAP * (len(columns) - 1) <= width:
            break
        columns.remove(least)
    widths = _widths(table, columns)
    lines = [_line([table.head[i] for i in columns], widths)]
    for title, rows in table.sections:
        lines += ["", title] if title else []
        lines += [_line([row[i] for i in columns], widths) for row in rows]
    return "\n".join(lines)


def _widths(table: Table, columns: Sequence[int]) -> list[int]:
    from townlet_core.telemetry.widths import cells

    rows = [table.head, *(row for _, rows in table.sections for row in rows)]
    return [max(cells(row[i]) for row in rows) for i in columns]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    from townlet_core.telemetry.widths import cells

    first, *rest = [" " * (width - cells(text)) for text, width in zip(row, widths, strict=True)]
    words = [row[0] + first, *(room + text for room, text in zip(rest, row[1:], strict=True))]
    return (" " * GAP).join(words).rstrip()


def _markdown_table(table: Table) -> str:
    """Give a table a section, each under its title."""
    rule = "| " + " | ".join(["---", *["---:"] * (len(table.head) - 1)]) + " |"
    parts = []
    for title, rows in table.sections:
        lines = [f"**{_escaped(title)}**", ""] if title else []
        cells = [table.head, *rows]
        body = ["| " + " | ".join(map(_escaped, row)) + " |" for row in cells]
        parts.append("\n".join([*lines, body[0], rule, *body[1:]]))
    return "\n\n".join(parts)


def _escaped(text: str) -> str:
    """Keep Markdown from reading signs of its own."""
    for sign in "\\`*_<|[]":
        text = text.replace(sign, f"\\{sign}")
    return text
