"""A plot as text: curves of braille dots, two by four in a sign, with axes; metrics side by side and stacked.

The pictures are lines of spans, each with the name of a style, so that whoever prints them gives them their colours.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from townlet_core.telemetry.plotting.plan import Panel, Plot, Series
from townlet_core.telemetry.plotting.scales import labels, short, ticks
from townlet_core.telemetry.widths import cells, cut

BLANK: Final = 0x2800  # the sign without dots
# Bit of the dot in the column (0, 1) and row (0 at the top) of a sign. Source: https://www.unicode.org/charts/PDF/U2800.pdf
DOTS: Final = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
ACROSS, DOWN = 2, 4
LEAST_WIDTH: Final = 36  # of a panel beside others
BETWEEN: Final = 2  # panels
ROWS: Final = 7
ROWS_OF_FEW: Final = 12
FEW_PANELS: Final = 2
LEAST_PANEL: Final = 24

TITLE, WORDS, AXIS, THRESHOLD, BASELINE, PLAIN = "title", "words", "axis", "threshold", "baseline", ""
MARKS: Final = {
    "×": "no number (NaN, infinity, invalid)",
    "R": "stopped and resumed",
    "^": "rises above the threshold",
    "v": "falls below the threshold",
    "|": "log rotated",
    "!": "a rule fires",
    "━": "until it is fine again",
}


class Span(NamedTuple):
    """Some text in one style; that of a run or group is its number."""

    text: str
    style: str


Line = list[Span]


class Canvas:
    """Dots, the origin at the lower left, and the style of each sign, which is that of its newest dot."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height  # signs
        self.across, self.down = width * ACROSS, height * DOWN  # dots
        self._signs = [[0] * width for _ in range(height)]
        self._styles = [[PLAIN] * width for _ in range(height)]

    def dot(self, x: int, y: int, style: str) -> None:
        """Set a dot."""
        row, down = divmod(self.down - 1 - y, DOWN)
        column, across = divmod(x, ACROSS)
        self._signs[row][column] |= DOTS[across][down]
        self._styles[row][column] = style

    def line(self, x: int, y: int, to_x: int, to_y: int, style: str) -> None:
        """Set the dots from one to another, both with them."""
        steps = max(abs(to_x - x), abs(to_y - y), 1)
        for step in range(steps + 1):
            self.dot(x + round((to_x - x) * step / steps), y + round((to_y - y) * step / steps), style)

    def has(self, x: int, y: int) -> bool:
        """Say whether a dot is set."""
        row, down = divmod(self.down - 1 - y, DOWN)
        column, across = divmod(x, ACROSS)
        return bool(self._signs[row][column] & DOTS[across][down])

    def rows(self) -> list[Line]:
        """Give the signs, from the top."""
        return [
            [Span(chr(BLANK + sign) if sign else " ", style) for sign, style in zip(signs, styles, strict=True)]
            for signs, styles in zip(self._signs, self._styles, strict=True)
        ]


class Scale(NamedTuple):
    """Where numbers from low to high lie on so many dots."""

    low: float
    high: float
    dots: int

    def place(self, value: float) -> int:
        """Give the dot of a value; where all values are the same that in the middle."""
        span = self.high / 2 - self.low / 2
        share = (value / 2 - self.low / 2) / span if span > 0 else 0.5
        return min(max(round(share * (self.dots - 1)), 0), self.dots - 1)


def picture(plot: Plot, width: int) -> list[Line]:
    """Draw a plot in lines of at most so many signs (and of LEAST_PANEL, if that is more)."""
    count = len(plot.panels)
    beside = max(1, min(count, (width + BETWEEN) // (LEAST_WIDTH + BETWEEN)))
    own = max(LEAST_PANEL, (width - BETWEEN * (beside - 1)) // beside)
    rows = ROWS_OF_FEW if count <= FEW_PANELS else ROWS
    drawn = [_panel(panel, plot, own, rows) for panel in plot.panels]
    lines: list[Line] = [[Span(cut(plot.title, width), TITLE)], []]
    for first in range(0, count, beside):
        lines += [*_side_by_side(drawn[first : first + beside], own), []]
    return [*lines, *_legend(plot, width)]


def curve(canvas: Canvas, series: Series, across: Scale, up: Scale, *, smooth: bool) -> None:
    """Draw a series: its line, and what lies between the least and the most where a point is several epochs."""
    style = str(series.number)
    for stretch in series.stretches():
        if not smooth:
            for point in stretch:
                if point.low is not None and point.high is not None:
                    x = across.place(point.epoch)
                    canvas.line(x, up.place(point.low), x, up.place(point.high), style)
        values = [(point.epoch, point.smooth if smooth else point.value) for point in stretch]
        dots = [(across.place(epoch), up.place(value)) for epoch, value in values if value is not None]
        for x, y in dots[:1]:
            canvas.dot(x, y, style)
        for (x, y), (to_x, to_y) in pairwise(dots):
            canvas.line(x, y, to_x, to_y, style)


def _panel(panel: Panel, plot: Plot, width: int, rows: int) -> list[Line]:
    low, high = panel.bounds()
    at = ticks(low, high, (rows + 1) // 2)
    written = labels(at)
    margin = max(6, *(len(label) for label in written)) + 1
    canvas = Canvas(width - margin - 1, rows)
    across, up = Scale(*plot.epochs(), canvas.across), Scale(low, high, canvas.down)
    levels = [(panel.baseline, BASELINE, 4), (panel.threshold, THRESHOLD, 2)]
    for level, style, apart in (*levels, *((limit, THRESHOLD, 2) for limit in panel.levels())):
        for x in range(0, canvas.across if level is not None else 0, apart):
            canvas.dot(x, up.place(level or 0.0), style)
    for series in panel.series:
        curve(canvas, series, across, up, smooth=bool(plot.smooth) or plot.is_band)
    beside = {rows - 1 - up.place(value) // DOWN: label for value, label in zip(at, written, strict=True)}
    lines: list[Line] = [_heading(panel, width)]
    for number, row in enumerate(canvas.rows()):
        label = beside.get(number, "")
        lines.append([Span(f"{label:>{margin - 1}} ", PLAIN), Span("┤" if label else "│", AXIS), *row])
    lines += _epoch_axis(panel, plot, across, margin, canvas.width)
    return [*lines, _figures(panel, width)]


def _heading(panel: Panel, width: int) -> Line:
    room = width - cells(panel.metric) - 2
    words = panel.words if cells(panel.words) <= room else f"{cut(panel.words, max(room - 1, 0)).rstrip()}…"
    return [Span(cut(panel.metric, width), TITLE), *([Span(f"  {words}", WORDS)] if room > 8 and words else [])]


def _figures(panel: Panel, width: int) -> Line:
    """Say the last value, the least and the most, where there is one curve; as much of it as there is room for."""
    if len(panel.series) != 1:
        return []
    series = panel.series[0]
    low = min(point.low for point in series.points if point.low is not None)
    high = max(point.high for point in series.points if point.high is not None)
    said = f"last {short(series.last or 0.0)}, least {short(low)}, most {short(high)}"
    brief = f"last {short(series.last or 0.0)}, {short(low)} … {short(high)}"
    text = f"always {short(low)}" if low == high else said if len(said) <= width else brief
    return [Span(f"{text[:width]:>{width}}", WORDS)]


def _epoch_axis(panel: Panel, plot: Plot, across: Scale, margin: int, width: int) -> list[Line]:
    """Draw the axis with its marks, and the epochs below it."""
    first, last = plot.epochs()
    whole = [tick for tick in ticks(first, last, max(width // 10, 2)) if tick == int(tick)]
    signs = [Span("─", AXIS)] * width
    for firing in panel.firing:
        first, last = across.place(firing.first) // ACROSS, across.place(firing.last) // ACROSS
        signs[first : last + 1] = [Span("━", str(firing.number))] * (last - first + 1)
    for tick in whole:
        signs[across.place(tick) // ACROSS] = Span("┬", AXIS)
    for epoch, sign, style in _marks(panel, plot):
        signs[across.place(epoch) // ACROSS] = Span(sign, style)
    below = [" "] * width
    for tick, text in zip(whole, labels(whole) if whole else [], strict=True):
        start = min(max(across.place(tick) // ACROSS - len(text) // 2, 0), width - len(text))
        if start >= 0 and all(sign == " " for sign in below[max(start - 1, 0) : start + len(text) + 1]):
            below[start : start + len(text)] = text
    room = " " * margin
    return [
        [Span(room, PLAIN), Span("└", AXIS), *signs],
        [Span(room + " ", PLAIN), Span("".join(below).rstrip(), PLAIN)],
    ]


def _marks(panel: Panel, plot: Plot) -> Iterator[tuple[float, str, str]]:
    """Give what came about, the most important last, which hides what is below it."""
    for kind, sign in (("rotated", "|"), ("resumed", "R")):
        yield from ((event.epoch, sign, str(event.number)) for event in plot.events if event.kind == kind)
    for series in panel.series:
        for crossing in series.thinned(plot.apart()):
            yield crossing.epoch, "^" if crossing.rises else "v", str(series.number)
    for series in panel.series:
        yield from ((point.epoch, "×", str(series.number)) for point in series.points if point.odd)
    yield from ((firing.first, "!", str(firing.number)) for firing in panel.firing)


def _side_by_side(panels: Sequence[list[Line]], width: int) -> list[Line]:
    """Put the lines of panels beside one another."""
    lines: list[Line] = []
    for row in range(max(len(panel) for panel in panels)):
        line: Line = []
        for place, panel in enumerate(panels):
            own = panel[row] if row < len(panel) else []
            used = sum(cells(span.text) for span in own)
            rest = width - used + BETWEEN if place < len(panels) - 1 else 0
            line += [*own, Span(" " * rest, PLAIN)]
        lines.append(line)
    return lines


def _legend(plot: Plot, width: int) -> list[Line]:
    """Name the runs, a line for as many as fit, and the marks that there are."""
    items = [Span(f"⣀⡠ {name}", str(number)) for number, name in enumerate(plot.names)]
    if plot.is_band:
        items.append(Span("line: mean of the runs", WORDS))
    if plot.smooth:
        items.append(Span(f"smoothed by {plot.smooth:g}", WORDS))
    elif plot.averages():
        items.append(Span("from the least to the most where there are several epochs in a dot", WORDS))
    if any(panel.baseline is not None for panel in plot.panels):
        items.append(Span("⠂⠀⠂⠀ baseline", BASELINE))
    if words := plot.level_words():
        items.append(Span(f"⠂⠂⠂⠂ {words}", THRESHOLD))
    signs = {sign for panel in plot.panels for _, sign, _ in _marks(panel, plot)}
    signs |= {"━"} if any(firing.last > firing.first for panel in plot.panels for firing in panel.firing) else set()
    items += [Span(f"{sign} {words}", WORDS) for sign, words in MARKS.items() if sign in signs]
    lines: list[Line] = [[]]
    for item in (Span(part, style) for text, style in items for part in textwrap.wrap(text, width)):
        used = sum(cells(span.text) for span in lines[-1])
        if used and used + cells(item.text) + 3 > width:
            lines.append([])
        lines[-1] += [*([Span("   ", PLAIN)] if lines[-1] else []), item]
    return lines
