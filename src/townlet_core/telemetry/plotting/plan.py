"""What a plot shows, before anything is drawn: panels of series, the names of runs, marks and levels.

The pictures (figure, page, braille) draw this and know nothing of logs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from townlet_core.errors import InputError
from townlet_core.telemetry.lines import printable
from townlet_core.telemetry.plotting.alarms import NONE, Firing, Rules, fired, not_drawn
from townlet_core.telemetry.plotting.bands import bands
from townlet_core.telemetry.plotting.columns import Column, Crossing, Point
from townlet_core.telemetry.plotting.curves import ALIKE, LogCurves, RunCurves
from townlet_core.telemetry.plotting.metrics import chosen, meaning

# Okabe and Ito 2008, https://jfly.uni-koeln.de/color/: told apart by colour-blind people too. On white and on black.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c7a00", "#444444")
COLOURS_ON_BLACK = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#4a90d9", "#dddddd")
DASHES = ("solid", "dashed", "dotted")  # for runs beyond the first eight, and the first sixteen

MOST_PANELS = 200
MOST_LANES = 8  # for the marks of rules, below one another; what is beyond them is laid over the first
MOST_MARKS_ACROSS = 40  # a panel
USUAL_SMOOTHING = 0.6  # as in TensorBoard


class Series(NamedTuple):
    """A metric of a run, or of a group of runs."""

    number: int  # of the run or group, from 0
    points: list[Point]
    width: int  # epochs in a point
    crossings: list[Crossing]
    last: float | None  # value

    def stretches(self) -> Iterator[list[Point]]:
        """Give the points between values that were no numbers: nothing is drawn across these."""
        for is_there, points in groupby(self.points, key=lambda point: point.value is not None):
            if is_there:
                yield list(points)

    def thinned(self, apart: float) -> list[Crossing]:
        """Give the crossings to mark: of those that lie near to one another the first."""
        found: list[Crossing] = []
        for crossing in self.crossings:
            if not found or crossing.epoch - found[-1].epoch >= apart:
                found.append(crossing)
        return found


class Panel(NamedTuple):
    """A metric."""

    metric: str
    words: str  # what it means
    series: list[Series]
    threshold: float | None
    baseline: float | None
    limits: Sequence[float] = ()  # of rules
    firing: Sequence[Firing] = ()

    def lanes(self) -> int:
        """Say in how many lanes it is marked where rules fire."""
        return min(max((firing.lane + 1 for firing in self.firing), default=0), MOST_LANES)

    def levels(self) -> list[float]:
        """Give the limits of rules that lie within what is shown anyway: others would press the curves flat."""
        low, high = self.bounds()
        return [limit for limit in self.limits if low <= limit <= high and limit != self.threshold]

    def bounds(self) -> tuple[float, float]:
        """Give the least and the most that is shown; they are the same where all is one value."""
        shown = [level for level in (self.threshold, self.baseline) if level is not None]
        for series in self.series:
            shown += [point.low for point in series.points if point.low is not None]
            shown += [point.high for point in series.points if point.high is not None]
        return (min(shown), max(shown)) if shown else (0.0, 0.0)


class Event(NamedTuple):
    """What came about at an epoch of a run."""

    kind: str  # resumed, rotated
    number: int  # of the run or group
    epoch: float
    words: str


class Plot(NamedTuple):
    """All that is drawn."""

    title: str
    names: list[str]  # of runs or groups
    panels: list[Panel]
    events: list[Event]
    smooth: float
    is_band: bool  # a series is a group of runs: their mean, and from the least to the largest of them
    doubts: tuple[str, ...] = ()  # what was asked for and is not drawn

    def epochs(self) -> tuple[float, float]:
        """Give the first and the last epoch."""
        points = [point for panel in self.panels for series in panel.series for point in series.points]
        return min(point.first for point in points), max(point.last for point in points)

    def apart(self) -> float:
        """Give how many epochs marks must be apart to be told apart."""
        first, last = self.epochs()
        return (last - first) / MOST_MARKS_ACROSS

    def level_words(self) -> str:
        """Say what the levels are at which there is something to mark; nothing where there are none."""
        kinds = {
            "threshold": any(panel.threshold is not None for panel in self.panels),
            "limit of a rule": any(panel.levels() for panel in self.panels),
        }
        return ", ".join(kind for kind, is_there in kinds.items() if is_there)

    def averages(self) -> bool:
        """Say whether points stand for several epochs."""
        return any(series.width > 1 for panel in self.panels for series in panel.series)


@dataclass(frozen=True)
class Wishes:
    """How a plot is to be."""

    patterns: Sequence[str] = ()  # metrics: keys and globs
    smooth: float = 0.0
    thresholds: Mapping[str, float] | None = None
    baseline: Mapping[str, float] | None = None
    band: bool = False
    title: str | None = None
    rules: Rules = NONE


def plot_of(logs: Sequence[LogCurves], wishes: Wishes) -> Plot:
    """Put curves together to a plot.

    Raises:
        InputError: there is nothing to draw, or the baseline has none of it.
    """
    runs = [run for log in logs for run in log.runs]
    names = _names(logs)
    where = str(logs[0].log) if len(logs) == 1 else "no log" if wishes.patterns else "none of the logs"
    thresholds, baseline = wishes.thresholds or {}, wishes.baseline or {}
    there = _there(runs)
    metrics, lacking = _metrics(wishes, thresholds, there, where)
    alarms = [run.alarms for run in runs]
    metrics = list(
        dict.fromkeys((*metrics, *(each.metric for own in alarms for each in own if there.get(each.metric))))
    )
    if len(metrics) > MOST_PANELS:
        problem = f"would be {len(metrics):,} metrics, and {MOST_PANELS} are the most"
        raise InputError(problem, where="plot", hint="name fewer with --metrics")
    if baseline and not baseline.keys() & set(metrics):
        raise InputError("has none of the metrics that are drawn", where="--baseline")
    groups, of_runs = [[number] for number in range(len(runs))], names
    if wishes.band:
        groups, names = _groups(runs, names)
    panels = []
    for metric in metrics:
        columns = [run.columns.get(metric) for run in runs]
        series = _bands(groups, columns) if wishes.band else _series(columns)
        panel = Panel(printable(metric), meaning(metric), series, thresholds.get(metric), baseline.get(metric))
        firing = fired(metric, groups, alarms, of_runs if wishes.band else None)
        if series:
            panels.append(panel._replace(limits=wishes.rules.limits(metric), firing=firing))
        else:
            lacking.append(InputError(f"no group of runs has epochs with {metric} in common", where="--band"))
    if not panels:
        raise lacking[-1]
    events = [] if wishes.band else [*_events(runs)]
    title = printable(wishes.title or _title(runs))
    doubts = (*map(str, lacking), *wishes.rules.doubts(there), *not_drawn(alarms, of_runs, metrics))
    return Plot(title, [printable(name) for name in names], panels, events, wishes.smooth, wishes.band, doubts)


def _metrics(
    wishes: Wishes, thresholds: Mapping[str, float], there: Mapping[str, bool], where: str
) -> tuple[list[str], list[InputError]]:
    """Give the metrics to draw, and what is asked for and is not there. One with a threshold is asked for by that."""
    if wishes.patterns:
        return chosen([*wishes.patterns, *thresholds], there, where)
    usual, _ = chosen((), there, where)
    more, lacking = chosen([*thresholds], there, where) if thresholds else ([], [])
    return list(dict.fromkeys((*usual, *more))), lacking


def _there(runs: Sequence[RunCurves]) -> dict[str, bool]:
    """Give every key of the runs; true if there is a number to draw."""
    found: dict[str, bool] = {}
    for run in runs:
        for key, has_numbers in run.there.items():
            column = run.columns.get(key)
            has_numbers = column.last is not None if column is not None else has_numbers
            found[key] = found.get(key, False) or has_numbers
    return found


def _series(columns: Sequence[Column | None]) -> list[Series]:
    return [
        Series(number, column.points(), column.width, column.crossings, column.last)
        for number, column in enumerate(columns)
        if column is not None and column.points()
    ]


def _bands(groups: Sequence[Sequence[int]], columns: Sequence[Column | None]) -> list[Series]:
    found = []
    for number, group in enumerate(groups):
        members = [column for run in group if (column := columns[run]) is not None and column.points()]
        points = bands([column.points() for column in members]) if members else []
        last = next((point.value for point in reversed(points) if point.value is not None), None)
        if last is not None:
            found.append(Series(number, points, max(column.width for column in members), [], last))
    return found


def _groups(runs: Sequence[RunCurves], names: Sequence[str]) -> tuple[list[list[int]], list[str]]:
    """Put runs together that differ by their seed alone; name each group by what it does not share with the others."""
    found: dict[tuple[object, ...], list[int]] = {}
    for number, run in enumerate(runs):
        found.setdefault(tuple(run.facts.values()), []).append(number)
    differing = [fact for place, fact in enumerate(ALIKE) if len({key[place] for key in found}) > 1]
    if "scenario" in differing:
        differing = [fact for fact in differing if fact != "config_hash"]  # which nobody can read
    named = []
    for key, group in found.items():
        facts = dict(zip(ALIKE, key, strict=True))
        words = [_fact(fact, facts[fact]) for fact in differing] or [str(facts["scenario"] or "all runs")]
        count = f"{len(group)} runs" if len(group) > 1 else names[group[0]]
        named.append(f"{', '.join(words)} ({count})")
    return list(found.values()), named


def _fact(fact: str, value: object) -> str:
    if value is None:
        return f"no {fact}"
    if fact in ("scenario", "data_mode"):
        return str(value)
    return f"{fact} {str(value)[:8] if fact == 'config_hash' else f'{value:g}' if isinstance(value, float) else value}"


def _events(runs: Sequence[RunCurves]) -> Iterator[Event]:
    for number, run in enumerate(runs):
        for kind, marks in (("resumed", run.resumed), ("rotated", run.rotated)):
            yield from (Event(kind, number, mark.epoch, mark.words) for mark in marks)


def _names(logs: Sequence[LogCurves]) -> list[str]:
    """Name every run by its log, as shortly as tells the logs apart, and by its number where the log has several."""
    paths = [log.log for log in logs]
    short = [path.name for path in paths]
    if len(set(short)) < len(short) or len({path.stem for path in paths}) < len(paths):
        short = _without_common_folder(paths)
    else:
        short = [path.stem if path.suffix else path.name for path in paths]
    return [
        f"{name}, run {run.number}" if len(log.runs) > 1 else name
        for name, log in zip(short, logs, strict=True)
        for run in log.runs
    ]


def _without_common_folder(paths: Sequence[Path]) -> list[str]:
    parts = [path.parts for path in paths]
    shared = 0
    while all(len(own) > shared + 1 for own in parts) and len({own[shared] for own in parts}) == 1:
        shared += 1
    return [str(Path(*own[shared:])) for own in parts]


def _title(runs: Sequence[RunCurves]) -> str:
    """Name what all runs have in common."""
    scenarios = {run.facts["scenario"] for run in runs}
    scenario = next(iter(scenarios)) if len(scenarios) == 1 else None
    words = [str(scenario)] if scenario is not None else []
    if len(runs) == 1:
        run = runs[0]
        words += [f"run {run.run_id}"] if run.run_id is not None else []
        words += [f"seed {run.seed}"] if run.seed is not None else []
    return ", ".join(words) or (runs[0].log.name if len(runs) == 1 else f"{len(runs)} runs")
