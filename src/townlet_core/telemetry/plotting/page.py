"""Make a plot a page for a browser: one file that needs no other, and asks nothing of the network.

The page holds the numbers and a script (page.js) that draws them as SVG, so that values can be read off, runs hidden
and parts looked at. The same plot gives the same bytes.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any, Final

from townlet_core.telemetry.plotting.plan import COLOURS, COLOURS_ON_BLACK, Panel, Plot, Series

DIGITS: Final = 7  # of a number that count
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<link rel="icon" href="data:,">
<title>{title}</title>
<style>
{colours}
{style}</style>
</head>
<body>
<header>
<h1>{title}</h1>
<div class="legend"></div>
<div class="controls">
<label><input type="checkbox" id="log"> log scale</label>
<label{no_raw}><input type="checkbox" id="raw" checked> raw values</label>
<button type="button" id="reset" disabled>all epochs</button>
</div>
<p class="marks">{words}</p>
<noscript><p>The curves are drawn by a script, which this browser does not run.</p></noscript>
</header>
<main></main>
<div id="tip" hidden></div>
<script type="application/json" id="plot">{data}</script>
<script>
{script}</script>
</body>
</html>
"""


def page(plot: Plot) -> bytes:
    """Give the page of a plot."""
    own = files("townlet_core.telemetry.plotting")
    return PAGE.format(
        policy=POLICY,
        title=html.escape(plot.title),
        colours=_colours(),
        style=(own / "page.css").read_text(encoding="utf-8"),
        no_raw="" if plot.smooth and not plot.is_band else " hidden",
        words=html.escape(_words(plot)),
        data=json.dumps(_plain(plot), separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        script=(own / "page.js").read_text(encoding="utf-8"),
    ).encode()


def _colours() -> str:
    def named(colours: Iterable[str]) -> str:
        return " ".join(f"--c{number}: {colour};" for number, colour in enumerate(colours))

    on_black = f"@media (prefers-color-scheme: dark) {{ :root {{ {named(COLOURS_ON_BLACK)} }} }}"
    return f":root {{ {named(COLOURS)} }}\n{on_black}"


def _words(plot: Plot) -> str:
    """Say what the lines and marks mean, and what can be done."""
    said = []
    if plot.is_band:
        said.append("Line: mean of the runs; band: from the least to the largest of them.")
    elif plot.averages():
        said.append("A point is the mean of several epochs; the shade goes from their least to their most.")
    if plot.smooth:
        raw = "" if plot.is_band else "; faint: raw values"
        said.append(f"Smoothed by {plot.smooth:g}{raw}.")
    kinds = {event.kind for event in plot.events}
    if "resumed" in kinds:
        said.append("Dotted upright line: the run was stopped and resumed.")
    if "rotated" in kinds:
        said.append("Tick on the axis: the log was rotated.")
    if any(point.odd for panel in plot.panels for series in panel.series for point in series.points):
        said.append("Cross on the axis: no number (NaN, infinity, invalid).")
    if any(panel.threshold is not None for panel in plot.panels):
        said.append("Dotted level: threshold, with triangles where it is crossed.")
    if any(panel.levels() for panel in plot.panels):
        said.append("Dotted level: limit of a rule.")
    if any(panel.firing for panel in plot.panels):
        said.append("Diamond above: a rule fires; bar: until it is fine again.")
    if any(panel.baseline is not None for panel in plot.panels):
        said.append("Dashed level: baseline.")
    return " ".join([*said, "Drag to look at some epochs; double-click for all of them."])


def _plain(plot: Plot) -> dict[str, Any]:
    first, last = plot.epochs()
    return {
        "names": plot.names,
        "colours": len(COLOURS),
        "smooth": plot.smooth,
        "band": plot.is_band,
        "first": first,
        "last": last,
        "events": [event._asdict() for event in plot.events],
        "panels": [_panel(panel, plot) for panel in plot.panels],
    }


def _panel(panel: Panel, plot: Plot) -> dict[str, Any]:
    return {
        "metric": panel.metric,
        "words": panel.words,
        "threshold": panel.threshold,
        "baseline": panel.baseline,
        "limits": panel.levels(),
        "lanes": panel.lanes(),
        "firing": [firing._asdict() for firing in panel.firing],
        "series": [_series(series, plot) for series in panel.series],
    }


def _series(series: Series, plot: Plot) -> dict[str, Any]:
    points = series.points
    found: dict[str, Any] = {
        "number": series.number,
        "epochs": [_rounded(point.epoch) for point in points],
        "values": [_rounded(point.value) for point in points],
        "smooth": [_rounded(point.smooth) for point in points],
        "odd": [point.odd for point in points],
        "crossings": [[crossing.epoch, crossing.rises] for crossing in series.thinned(plot.apart())],
    }
    if plot.is_band or series.width > 1:
        found |= {"low": [_rounded(point.low) for point in points], "high": [_rounded(point.high) for point in points]}
        found |= {"first": [point.first for point in points], "last": [point.last for point in points]}
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")
