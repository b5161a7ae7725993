"""The numbers of one run as curves, one a key, in bounded memory: of a long run a point is the mean of some epochs."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from townlet_core.telemetry.checks import Check, Record
from townlet_core.telemetry.problems import Problem

MOST_POINTS: Final = 600  # of a curve; where there are as many, each two become one
MOST_KEYS: Final = 2000
MOST_FACTS: Final = 20  # values of a fact that are kept
FACTS: Final = ("scenario", "config_hash", "seed", "data_mode", "epochs_planned", "telemetry_version")
WORST: Final = "agents.worst"
TOO_LARGE: Final = 1e100  # amount from which a number is left out: squares of larger ones are infinite

Fact = list[tuple[float, Any]]  # epoch from which it has held -> value


@dataclass
class NotFinite:
    """Where a key has been no number."""

    first: float  # epoch
    kind: str  # nan, inf, -inf or too large, there
    count: int = 0


@dataclass
class Curves:
    """What a run says of itself. A point is `width` records, from the epoch in `begins` to that in `ends`."""

    log: Path
    run: str | None = None
    runs: int = 0  # in the log
    records: int = 0
    problems: int = 0  # values and lines that were left out
    width: int = 1
    begins: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    not_finite: dict[str, NotFinite] = field(default_factory=dict)
    worst: list[str | None] = field(default_factory=list)  # agents.worst at the end of each point
    is_cut: bool = False  # there are more keys than are kept
    _points: dict[str, list[float]] = field(default_factory=dict)  # NaN where a key has no number
    _sums: dict[str, float] = field(default_factory=dict)  # of the point in the making
    _counts: Counter[str] = field(default_factory=Counter)
    _held: int = 0  # records of that

    @property
    def keys(self) -> list[str]:
        """Give the keys that have numbers, in the order of the log."""
        return list(self._points)

    def curve(self, key: str) -> NDArray[np.float64]:
        """Give the points of a key; NaN where it has none."""
        points = self._points.get(key, [])
        return np.array(points + [math.nan] * (len(self.begins) - len(points)))

    def add(self, record: Record) -> None:
        """Take in the next record of the run."""
        epoch = float(record.get("epoch") or self.records + 1)
        self.records += 1
        if not self._held:
            self.begins.append(epoch)
            self.ends.append(epoch)
            self.worst.append(None)
        self._held += 1
        self.ends[-1] = epoch
        self._take_words(record, epoch)
        sums, counts = self._sums, self._counts
        for key, value in record.items():
            if type(value) is float or type(value) is int:
                if not -TOO_LARGE < value < TOO_LARGE:
                    self._is_no_number(key, epoch, "too large")
                    continue
                sums[key] = sums.get(key, 0.0) + value
                counts[key] += 1
        if self._held == self.width:
            self._finish()

    def end(self) -> None:
        """Take what there is of a last point for one."""
        if self._held:
            self._finish()

    def thinned(self, width: int) -> Curves:
        """Give the run with points of that many records, a multiple of its own by a power of two."""
        if self.width >= width:
            return self
        made = replace(self, _points=dict(self._points))
        while made.width < width:
            made._halve()
        return made

    def _take_words(self, record: Record, epoch: float) -> None:
        for key in FACTS:
            value = record.get(key)
            if value is not None:
                known = self.facts.setdefault(key, [])
                if (not known or known[-1][1] != value) and len(known) < MOST_FACTS:
                    known.append((epoch, value))
        self.worst[-1] = record.get(WORST) or self.worst[-1]
        for key, kind in (record.get("nonfinite") or {}).items():
            self._is_no_number(key, epoch, kind)

    def _is_no_number(self, key: str, epoch: float, kind: str) -> None:
        self.not_finite.setdefault(key, NotFinite(epoch, kind)).count += 1

    def _finish(self) -> None:
        index = len(self.begins) - 1
        for key, total in self._sums.items():
            points = self._points.get(key)
            if points is None:
                if len(self._points) >= MOST_KEYS:
                    self.is_cut = True
                    continue
                points = self._points[key] = []
            points.extend([math.nan] * (index - len(points)))
            points.append(total / self._counts[key])
        self._sums.clear()
        self._counts.clear()
        self._held = 0
        if len(self.begins) == MOST_POINTS:
            self._halve()

    def _halve(self) -> None:
        """Make one point of each two; a last one without another is dropped."""
        even = len(self.begins) // 2 * 2
        for key in self._points:
            pairs = self.curve(key)[:even].reshape(-1, 2)
            there = ~np.isnan(pairs)
            means = np.where(there, pairs, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
            self._points[key] = np.where(there.any(axis=1), means, math.nan).tolist()
        self.begins, self.ends = self.begins[:even:2], self.ends[1:even:2]
        self.worst = [
            later or earlier for earlier, later in zip(self.worst[:even:2], self.worst[1:even:2], strict=True)
        ]
        self.width *= 2


def read_curves(log: Path, run: str | None = None) -> Curves:
    """Read a run, the last one if none is named; what is wrong in the log is left out and counted.

    Raises:
        InputError: it cannot be read, or has no record, or not the run.
    """
    curves, problems = Curves(log), 0

    def count(problem: Problem) -> None:
        nonlocal problems
        problems += not problem.is_warning

    def add(record: Record, *_: object) -> None:
        nonlocal curves
        if curves.run != check.summary.run:
            curves = Curves(log, check.summary.run)
        curves.add(record)

    check = Check(log, run=run, report=count, visit=add)
    check.run().demand_a_record()
    curves.end()
    curves.runs, curves.problems = check.summary.runs, problems
    return curves
