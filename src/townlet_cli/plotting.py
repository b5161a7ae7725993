"""What `townlet telemetry plot` does with logs, and how a plot is shown in the terminal."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from townlet_cli.options import patterns_of
from townlet_cli.render import counted, note, put, table_text, warn
from townlet_core.errors import UsageError

if TYPE_CHECKING:
    from townlet_core.telemetry.plotting.braille import Line
    from townlet_core.telemetry.plotting.curves import LogCurves
    from townlet_core.telemetry.plotting.plan import Plot

PIPE_COLUMNS = 80  # unless COLUMNS says otherwise
LOOKS = {"title": "bold", "words": "dim", "axis": "dim", "threshold": "red", "baseline": "bright_black"}
PLAIN_SIGNS = {
    "━": "=",
    "│": "|",
    "┤": "+",
    "└": "+",
    "─": "-",
    "┬": "+",
    "×": "x",
    "…": "~",
}  # for what cannot show the others


@dataclass(frozen=True)
class Drawing:
    """What the user wants."""

    metrics: Sequence[str]  # each with commas
    output: Path | None
    smooth: float | None
    baseline: Path | None
    band: bool
    show: bool
    run: str | None
    thresholds: Sequence[str]  # METRIC=X
    rules: str | None
    title: str | None


def draw(logs: Sequence[Path], wanted: Drawing) -> None:
    """Read logs and draw them.

    Raises:
        UsageError: the options make no sense.
        InputError: a log, or the baseline, cannot be read, or has not what is asked for.
        OutputError: the picture cannot be written, or no window be opened.
    """
    from townlet_core.telemetry.baseline import read_baseline
    from townlet_core.telemetry.plotting.alarms import NONE, rules_with_baselines
    from townlet_core.telemetry.plotting.curves import Wanted, read_curves
    from townlet_core.telemetry.plotting.figure import check_installed, show
    from townlet_core.telemetry.plotting.metrics import USUAL
    from townlet_core.telemetry.plotting.pictures import check_output, write
    from townlet_core.telemetry.plotting.plan import Wishes, plot_of
    from townlet_core.telemetry.stream import told_apart
    from townlet_core.telemetry.watching.thresholds import DEFAULT, rules_named

    patterns, thresholds, smooth = patterns_of(wanted.metrics), _thresholds(wanted.thresholds), _smoothing(wanted)
    if wanted.output is not None:
        check_output(wanted.output)
    if wanted.show:
        check_installed()
    baseline = read_baseline(wanted.baseline) if wanted.baseline is not None else None
    if baseline is not None and baseline.doubt:
        warn(baseline.doubt)
    rules = NONE
    if wanted.rules is not None:
        rules = rules_with_baselines(rules_named(wanted.rules), are_own=wanted.rules != DEFAULT)
    own, beside = told_apart(logs)
    for file in beside:
        note(f"{file} lies beside its log, and is none")
    read = Wanted(patterns or USUAL, smooth, thresholds, wanted.run, rules)
    curves = [read_curves(log, read) for log in own]
    _doubt(curves)
    values = baseline.values if baseline is not None else None
    plot = plot_of(curves, Wishes(patterns, smooth, thresholds, values, wanted.band, wanted.title, rules))
    for doubt in plot.doubts:
        warn(doubt)
    if wanted.output is not None:
        if (lacking := write(plot, wanted.output)) is not None:
            warn(f"{wanted.output}: {lacking}")
        put(f"{wanted.output}: {_what(plot)}{_alerts(plot) if wanted.rules is not None else ''}")
    if wanted.show:
        show(plot)
    elif wanted.output is None:
        _put_in_terminal(plot)


def _thresholds(given: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for words in given:
        metric, _, number = words.rpartition("=")
        try:
            limit = float(number)
        except ValueError:
            limit = math.nan
        if not metric or not math.isfinite(limit):
            raise UsageError(f"must be METRIC=X with a number X, found '{words}'", where="--threshold")
        if metric in found:
            raise UsageError(f"{metric} has two of them", where="--threshold")
        found[metric] = limit
    return found


def _smoothing(wanted: Drawing) -> float:
    from townlet_core.telemetry.plotting.plan import USUAL_SMOOTHING

    if wanted.smooth is None:
        return USUAL_SMOOTHING if wanted.output is not None or wanted.show else 0.0
    if not 0 <= wanted.smooth < 1:
        raise UsageError(f"must be at least 0 and less than 1, found {wanted.smooth:g}", where="--smooth")
    return wanted.smooth


def _doubt(curves: Sequence[LogCurves]) -> None:
    """Tell what is not drawn, or not as it should be."""
    for log in curves:
        if log.problems:
            told = f"{log.problems:,} problem{'s' if log.problems > 1 else ''}"
            warn(f"{log.log}: {told}: see 'townlet telemetry validate {log.log}'")
        left_out = sum(run.left_out for run in log.runs)
        if left_out:
            warn(f"{log.log}: {left_out:,} record{'s' if left_out > 1 else ''} left out, whose epoch does not grow")


def _what(plot: Plot) -> str:
    first, last = plot.epochs()
    word = "group" if plot.is_band else "run"
    many = [
        f"{count:,} {name}{'s' if count != 1 else ''}"
        for count, name in ((len(plot.panels), "metric"), (len(plot.names), word))
    ]
    return f"{many[0]} of {many[1]}, " + (
        f"epochs {first:,.0f} to {last:,.0f}" if last > first else f"epoch {first:,.0f}"
    )


def _alerts(plot: Plot) -> str:
    return f", {counted(sum(len(panel.firing) for panel in plot.panels), 'alert')}"


def _put_in_terminal(plot: Plot) -> None:
    """Draw the plot as wide as the terminal, in colour; into a pipe as plain text."""
    from townlet_core.telemetry.plotting.braille import picture

    lines = picture(plot, shutil.get_terminal_size((PIPE_COLUMNS, 24)).columns)
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        put(_coloured(lines))
        return
    if len(plot.names) > 1:
        note("in plain text the curves cannot be told apart: use a terminal with colours, --run, or --output plot.html")
    put(_plain("\n".join("".join(span.text for span in line).rstrip() for line in lines)))


def _coloured(lines: Sequence[Line]) -> str:
    from rich.text import Text

    from townlet_core.telemetry.plotting.plan import COLOURS_ON_BLACK

    def look(style: str) -> str:
        return COLOURS_ON_BLACK[int(style) % len(COLOURS_ON_BLACK)] if style.isdigit() else LOOKS.get(style, "")

    return table_text(*(Text.assemble(*((span.text, look(span.style)) for span in line)) for line in lines))


def _plain(text: str) -> str:
    """Take simpler signs where the encoding of the output has no others."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        dots = {sign: "*" for sign in text if "\u2801" <= sign <= "\u28ff"}
        return "".join({"\u2800": " ", **PLAIN_SIGNS, **dots}.get(sign, sign) for sign in text)
    return text
