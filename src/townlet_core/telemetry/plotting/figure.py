"""Draw a plot with matplotlib: as PNG, as SVG, or in a window. Only this file needs it, and only when it draws."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from typing import TYPE_CHECKING, Any, Final

from townlet_core.errors import OutputError
from townlet_core.telemetry.plotting.columns import Point
from townlet_core.telemetry.plotting.figure_legend import crossing_mark, event_mark, legend
from townlet_core.telemetry.plotting.plan import COLOURS, DASHES, MOST_LANES, Panel, Plot, Series
from townlet_core.telemetry.plotting.scales import labels, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

PANEL_INCHES: Final = 4.2, 2.5
NARROWEST_INCHES: Final = 6.0
TITLE_INCHES: Final = 0.35
LEFT_INCHES, RIGHT_INCHES, ABOVE_INCHES, BELOW_INCHES = 0.6, 0.15, 0.45, 0.42  # around the axes of a panel
MOST_COLUMNS: Final = 3
DOTS_PER_INCH: Final = 110
FEW_POINTS: Final = 40  # are shown as dots, so that a single one is seen and gaps between epochs are
LANE: Final = 0.045  # of a panel's height
ROUND: Final = (1, 2, 5, 10)  # ticks are these times a power of ten
WORDS_WIDTH: Final = 78
FONT: Final = "DejaVu Sans"  # which comes with matplotlib
STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "townlet",  # the same bytes every time
    "svg.fonttype": "none",  # text stays text
    "font.family": "sans-serif",
    "font.sans-serif": [FONT, "Verdana", "Helvetica", "Arial"],
    "text.parse_math": False,  # a name with dollars is a name
    "path.simplify_threshold": 0.05,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def check_installed() -> None:
    """Make sure that there is matplotlib.

    Raises:
        OutputError: it is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        hint = "pip install 'townlet[plot]'; .html and the plot in the terminal need nothing"
        raise OutputError(f"needs matplotlib, and there is no {error.name}", where="plot", hint=hint) from error


def picture(plot: Plot, kind: str) -> bytes:
    """Give the file of a plot, of the kind png or svg. The same plot gives the same bytes."""
    check_installed()
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=_size(plot))
        _draw(figure, plot)
        file = io.BytesIO()
        metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)  # `without_font` tells of them
            figure.savefig(file, format=kind, dpi=DOTS_PER_INCH, metadata=metadata)
    return file.getvalue()


def without_font(plot: Plot) -> str:
    """Give the signs that matplotlib's own font lacks: a PNG shows boxes in place of them."""
    check_installed()
    from matplotlib.font_manager import findfont, get_font

    own = get_font(findfont(FONT)).get_charmap()
    texts = (plot.title, *plot.names, *(panel.metric for panel in plot.panels))
    return "".join(dict.fromkeys(sign for text in texts for sign in text if ord(sign) not in own))


def show(plot: Plot) -> None:
    """Open a window with the plot, and wait until it is closed.

    Raises:
        OutputError: no window can be opened here.
    """
    check_installed()
    import matplotlib

    hint = "write a file with --output, or look at the plot in the terminal"
    try:
        from matplotlib import pyplot

        with matplotlib.rc_context(STYLE):
            figure = pyplot.figure(figsize=_size(plot))
            if getattr(figure.canvas, "required_interactive_framework", None) is None:
                raise OutputError(
                    f"matplotlib opens no window here ({matplotlib.get_backend()})", where="--show", hint=hint
                )
            _draw(figure, plot)
            pyplot.show()
    except ImportError as error:
        raise OutputError(f"no window can be opened: {str(error).lower()}", where="--show", hint=hint) from error


def _size(plot: Plot) -> tuple[float, float]:
    columns, rows = _grid(plot)
    width, height = PANEL_INCHES
    return max(width * columns, NARROWEST_INCHES), height * rows + TITLE_INCHES + _legend_inches(plot)


def _grid(plot: Plot) -> tuple[int, int]:
    count = len(plot.panels)
    columns = min(MOST_COLUMNS, count) if count != 4 else 2
    return columns, -(-count // columns)


def _legend_columns(plot: Plot) -> int:
    return max(1, int(max(PANEL_INCHES[0] * _grid(plot)[0], NARROWEST_INCHES) / 2.6))


def _legend_inches(plot: Plot) -> float:
    return 0.18 * -(-len(legend(plot)) // _legend_columns(plot)) + 0.2


def _draw(figure: Figure, plot: Plot) -> None:
    columns, rows = _grid(plot)
    _, height = _size(plot)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for axis, panel in zip(axes, plot.panels, strict=False):
        _draw_panel(axis, panel, plot)
    for axis in list(figure.axes)[len(plot.panels) :]:
        axis.set_visible(False)
    figure.suptitle(plot.title, x=0.01, y=1 - 0.08 / height, ha="left", va="top", fontsize=12, fontweight="bold")
    _lay_out(figure, plot)
    handles = legend(plot)
    figure.legend(handles=handles, loc="lower left", ncols=_legend_columns(plot), fontsize=7.5, frameon=False)


def _lay_out(figure: Figure, plot: Plot) -> None:
    """Place the panels by inches: what is around each is always of the same size."""
    columns, rows = _grid(plot)
    width, height = _size(plot)
    panel = width / columns, (height - TITLE_INCHES - _legend_inches(plot)) / rows
    across, down = panel[0] - LEFT_INCHES - RIGHT_INCHES, panel[1] - ABOVE_INCHES - BELOW_INCHES
    figure.subplots_adjust(
        left=LEFT_INCHES / width,
        right=1 - RIGHT_INCHES / width,
        top=1 - (TITLE_INCHES + ABOVE_INCHES) / height,
        bottom=(_legend_inches(plot) + BELOW_INCHES) / height,
        wspace=(LEFT_INCHES + RIGHT_INCHES) / across,
        hspace=(ABOVE_INCHES + BELOW_INCHES) / down,
    )


def _draw_panel(axis: Axes, panel: Panel, plot: Plot) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    for series in panel.series:
        _draw_series(axis, series, plot)
    if panel.baseline is not None:
        axis.axhline(panel.baseline, color="#777777", linestyle=(0, (6, 2)), linewidth=1)
    if panel.threshold is not None:
        axis.axhline(panel.threshold, color="#aa0000", linestyle=(0, (2, 1.5)), linewidth=1)
        for series in panel.series:
            _draw_crossings(axis, series, panel.threshold, plot.apart())
    for limit in panel.levels():
        axis.axhline(limit, color="#aa0000", linestyle=(0, (2, 1.5)), linewidth=1)
    low, high = _room(panel)
    axis.set_ylim(low, high)
    first, last = plot.epochs()
    room = (last - first) * 0.02 or 0.5
    axis.set_xlim(first - room, last + room)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=ROUND) if last > first else FixedLocator([first]))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: _label(axis.xaxis, epoch)))
    axis.yaxis.set_major_locator(MaxNLocator(5, steps=ROUND))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _label(axis.yaxis, value)))
    _draw_events(axis, panel, plot)
    _draw_firing(axis, panel)
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.tick_params(labelsize=7.5)
    axis.set_xlabel("epoch", fontsize=7.5)
    words = textwrap.shorten(panel.words, WORDS_WIDTH, placeholder=" …")
    axis.set_title(panel.metric, fontsize=9.5, fontweight="bold", loc="left", pad=15)
    axis.annotate(
        words, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", fontsize=6.8, color="#555555"
    )


def _draw_series(axis: Axes, series: Series, plot: Plot) -> None:
    colour = COLOURS[series.number % len(COLOURS)]
    dashes = DASHES[series.number // len(COLOURS) % len(DASHES)]
    few = sum(point.value is not None for point in series.points) <= FEW_POINTS
    for stretch in series.stretches():
        epochs = [point.epoch for point in stretch]
        if plot.is_band or series.width > 1:
            axis.fill_between(epochs, *_edges(stretch), color=colour, alpha=0.2, linewidth=0.6)
        raw = [_number(point.value) for point in stretch]
        smooth = [_number(point.smooth) for point in stretch]
        if plot.is_band or not plot.smooth:
            axis.plot(epochs, smooth, color=colour, linestyle=dashes, linewidth=1.3)
        else:
            axis.plot(epochs, raw, color=colour, alpha=0.35, linewidth=0.8)
            axis.plot(epochs, smooth, color=colour, linestyle=dashes, linewidth=1.5)
        if few and not plot.is_band:
            axis.plot(epochs, raw, color=colour, marker="o", markersize=2.5, linestyle="none", alpha=0.8)


def _edges(stretch: list[Point]) -> tuple[list[float], list[float]]:
    return [_number(point.low) for point in stretch], [_number(point.high) for point in stretch]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _draw_crossings(axis: Axes, series: Series, threshold: float, apart: float) -> None:
    colour = COLOURS[series.number % len(COLOURS)]
    for rises, marker in ((True, "^"), (False, "v")):
        epochs = [crossing.epoch for crossing in series.thinned(apart) if crossing.rises is rises]
        axis.plot(epochs, [threshold] * len(epochs), color=colour, **crossing_mark(marker))


def _draw_events(axis: Axes, panel: Panel, plot: Plot) -> None:
    """Mark on the lower edge what came about at an epoch; a line goes up where a run was resumed."""
    edge = axis.get_xaxis_transform()
    for event in plot.events:
        colour = COLOURS[event.number % len(COLOURS)]
        if event.kind == "resumed":
            axis.axvline(event.epoch, color=colour, linewidth=1, linestyle=":")
        else:
            axis.plot([event.epoch], [0], color=colour, transform=edge, clip_on=False, **event_mark("rotated"))
    for series in panel.series:
        epochs = [point.epoch for point in series.points if point.odd]
        colour = COLOURS[series.number % len(COLOURS)]
        axis.plot(epochs, [0] * len(epochs), color=colour, transform=edge, clip_on=False, zorder=5, **event_mark("odd"))


def _draw_firing(axis: Axes, panel: Panel) -> None:
    """Mark on the upper edge where a rule fires, each run in a lane of its own, and draw a bar as long as it does."""
    edge = axis.get_xaxis_transform()
    for firing in panel.firing:
        colour, height = COLOURS[firing.number % len(COLOURS)], 1 - LANE * (firing.lane % MOST_LANES + 0.5)
        place: dict[str, Any] = {"color": colour, "transform": edge, "clip_on": False, "zorder": 5}
        axis.plot([firing.first, firing.last], [height, height], linewidth=3, solid_capstyle="butt", **place)
        axis.plot([firing.first], [height], **place, **event_mark("firing"))


def _label(axis: Axis, value: float) -> str:
    """Write a number of an axis as the others of it, also when somebody zooms in."""
    places = list(axis.get_majorticklocs())
    return dict(zip(places, labels(places), strict=True)).get(value) or short(value)


def _room(panel: Panel) -> tuple[float, float]:
    """Give the range of the y axis: all that is shown and a little more, and room for marks above."""
    low, high = panel.bounds()
    room = high * 0.06 - low * 0.06
    if room <= max(abs(low), abs(high)) * 1e-12:
        room = abs(high) * 0.1 or 0.5
    low, high = low - room, high + room
    return low, low + (high - low) / (1 - LANE * panel.lanes())
