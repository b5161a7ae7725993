"""The legend of a figure: what its lines, shades and marks mean, each said once. Needs matplotlib when it is called."""

from __future__ import annotations

from typing import Any, Final

from townlet_core.telemetry.plotting.plan import COLOURS, DASHES, Plot

MOST_NAMES: Final = 24  # in the legend
MARK_WORDS: Final = {
    "resumed": "run stopped and resumed",
    "rotated": "log rotated",
    "odd": "no number (NaN, infinity, invalid)",
    "rises": "rises above the threshold",
    "falls": "falls below it",
    "firing": "a rule fires; bar: until it is fine again",
}


def legend(plot: Plot) -> list[Any]:
    """Say once what the lines, the shades and the marks mean."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: list[Any] = []
    for number, name in enumerate(plot.names[:MOST_NAMES]):
        dashes: Any = DASHES[number // len(COLOURS) % len(DASHES)]
        label = f" {name}" if name.startswith("_") else name  # which matplotlib before 3.10 leaves out
        colour = COLOURS[number % len(COLOURS)]
        entries.append(Line2D([], [], color=colour, linestyle=dashes, linewidth=1.8, label=label))
    if len(plot.names) > MOST_NAMES:
        entries.append(Line2D([], [], linestyle="none", label=f"... and {len(plot.names) - MOST_NAMES} more"))
    if plot.is_band:
        entries.append(Patch(color="#666666", alpha=0.25, label="line: mean, band: least to largest run"))
    elif plot.averages():
        entries.append(Patch(color="#666666", alpha=0.25, label="least to most, where a point is several epochs"))
    if plot.smooth:
        entries.append(Line2D([], [], color="#666666", linewidth=1.8, label=f"smoothed by {plot.smooth:g}"))
        if not plot.is_band:
            entries.append(Line2D([], [], color="#666666", linewidth=0.8, alpha=0.5, label="raw"))
    return entries + _of_marks(plot)


def _of_marks(plot: Plot) -> list[Any]:
    from matplotlib.lines import Line2D

    every = [series for panel in plot.panels for series in panel.series]
    entries: list[Any] = []
    if any(panel.baseline is not None for panel in plot.panels):
        entries.append(Line2D([], [], color="#777777", linestyle=(0, (6, 2)), label="baseline"))
    if words := plot.level_words():
        entries.append(Line2D([], [], color="#aa0000", linestyle=(0, (2, 1.5)), label=words))
    if any(panel.firing for panel in plot.panels):
        entries.append(Line2D([], [], color="#666666", label=MARK_WORDS["firing"], **event_mark("firing")))
    for rises, marker, key in ((True, "^", "rises"), (False, "v", "falls")):
        if any(crossing.rises is rises for series in every for crossing in series.crossings):
            entries.append(Line2D([], [], color="#666666", label=MARK_WORDS[key], **crossing_mark(marker)))
    if any(event.kind == "resumed" for event in plot.events):
        entries.append(Line2D([], [], color="#666666", linestyle=":", label=MARK_WORDS["resumed"]))
    if any(event.kind == "rotated" for event in plot.events):
        entries.append(Line2D([], [], color="#666666", label=MARK_WORDS["rotated"], **event_mark("rotated")))
    if any(point.odd for series in every for point in series.points):
        entries.append(Line2D([], [], color="#666666", label=MARK_WORDS["odd"], **event_mark("odd")))
    return entries


def crossing_mark(marker: str) -> dict[str, Any]:
    """Give the looks of a crossing of a threshold."""
    return {"marker": marker, "markersize": 4.5, "linestyle": "none", "mec": "#aa0000", "mew": 0.7}


def event_mark(kind: str) -> dict[str, Any]:
    """Give the looks of what is marked on the edges: rotated, odd, firing."""
    marker, size = {"odd": ("x", 5.0), "rotated": ("|", 7.0), "firing": ("D", 5.0)}[kind]
    red = {"mec": "#aa0000", "mew": 1.0} if kind == "firing" else {"mew": 1.4}
    return {"marker": marker, "markersize": size, "linestyle": "none", **red}
