"""What the columns of the live view hold, and which of them, and of its rows, a terminal has room for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from townlet_core.telemetry.watching.rules import Rule

TREND = 30  # values of a sparkline
LEAST_TREND = 8  # below that there is none
NAMES = (100, 26, 18)  # columns for the names of metrics, as many as leave something for the trend
LEAST_NAME = 12  # columns for a name; where there are fewer, limits are left out, then words for states
LEAST_ROWS = 4  # of metrics; where there is room for fewer, there are no blank lines
GAP = 2  # columns between two


class Cells(NamedTuple):
    """What is written in a row, the trend apart."""

    metric: str
    value: str
    range: str
    limit: str
    state: str


HEAD = Cells("metric", "value", "least – most", "fires", "state")


class Layout(NamedTuple):
    """What a terminal has room for."""

    names: int  # columns for the names of metrics
    trend: int = 0  # values of it; 0: none
    is_ranged: bool = False
    has_limits: bool = True
    is_worded: bool = True  # states are told in words, not by a sign


def layout(columns: int, lines: Sequence[Cells]) -> Layout:
    """Choose what a terminal has room for.

    Values are never cut. Left out are, the first first: ranges, trends, limits, words for states.
    """
    name, value, range_, limit, state = (max(map(len, cells)) for cells in zip(*lines, strict=True))

    def left(*shown: int) -> int:
        """Count the columns that are left for names beside the value and others."""
        return columns - sum(each + GAP for each in (value, *shown))

    for is_ranged, most in [(True, NAMES[0]), *((False, most) for most in NAMES)]:
        names = min(name, most)
        trend = left(limit, state, *((range_,) if is_ranged else ())) - names - GAP
        if trend >= LEAST_TREND:
            return Layout(names, min(trend, TREND), is_ranged)
    for names, has_limits in ((left(limit, state), True), (left(state), False)):
        if names >= min(name, LEAST_NAME):
            return Layout(names, has_limits=has_limits)
    return Layout(max(left(1), 1), has_limits=False, is_worded=False)


class Room(NamedTuple):
    """How much of a table a terminal has lines for."""

    rows: int  # the head and the line about more apart
    is_spaced: bool  # there are blank lines above the head of the view and of the table


def room_of(lines: int, rows: int) -> Room:
    """Choose how a table of so many rows takes the lines below the head of the view.

    Where not all rows can be shown the last line says how many more there are. Blank lines go before more than that.
    """
    for is_spaced, left in ((True, lines - 3), (False, lines - 1)):
        if rows <= left:
            return Room(rows, is_spaced)
        if is_spaced and left > LEAST_ROWS:
            return Room(left - 1, is_spaced)
    return Room(max(lines - 2, 0), is_spaced=False)


def chosen(ranks: Sequence[int], room: int) -> list[int]:
    """Choose rows: those of the highest ranks, of equals the first; in the order that they have."""
    return sorted(sorted(range(len(ranks)), key=lambda row: -ranks[row])[:room])


def shortened(name: str, columns: int) -> str:
    """Leave out the middle of a name that is too long: its end tells it apart."""
    if len(name) <= columns:
        return name
    end = (columns - 1) * 2 // 3
    return f"{name[: columns - 1 - end]}…{name[-end:] if end else ''}"


def limit_words(rule: Rule) -> str:
    """Word in few characters what a rule fires at."""
    if rule.missing:
        return "missing"
    if rule.plateau_over is not None:
        return f"flat {rule.plateau_over}"
    sign = ">" if rule.above is not None else "<"
    if rule.window is not None or rule.baseline is not None:
        share = f"{'+' if rule.above is not None else '-'}{100 * rule.limit:.4g}%"
        return f"{share} of {'mean' if rule.window is not None else 'baseline'}"
    return f"{sign} {'±' if rule.amount else ''}{rule.limit:.4g}" + ("/epoch" if rule.change_over is not None else "")
