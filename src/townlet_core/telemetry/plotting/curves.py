"""Read logs into curves: of each run the metrics that are wanted, and where it was stopped, resumed and rotated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from townlet_core.errors import InputError
from townlet_core.telemetry.checks import Check, Record
from townlet_core.telemetry.patterns import is_wanted
from townlet_core.telemetry.plotting.alarms import NONE, Alarm, Judged, Rules
from townlet_core.telemetry.plotting.columns import Column
from townlet_core.telemetry.problems import Problem

MOST_RUNS: Final = 40  # of a log
MOST_MARKS: Final = 100  # of a kind in a run; the first are kept
PAUSE_SECONDS: Final = 10.0  # between the epochs of a run, and half of the time that an epoch takes

# What runs that differ by their seed alone have in common in their first record.
ALIKE: Final = ("scenario", "config_hash", "data_mode", "epochs_planned", "lr", "value_coef", "entropy_coef")


class Wanted(NamedTuple):
    """What is read."""

    patterns: Sequence[str]  # keys and globs
    smooth: float = 0.0
    thresholds: dict[str, float] = {}  # noqa: RUF012  # by metric; it is not written to
    run: str | None = None  # of each log
    rules: Rules = NONE

    def keys(self) -> tuple[str, ...]:
        """Give the patterns of all that is read."""
        return (*self.patterns, *self.thresholds, *self.rules.metrics())


class Mark(NamedTuple):
    """Something that came about at an epoch of a run."""

    epoch: float
    words: str


@dataclass
class RunCurves:
    """A run: its curves and what is known of it."""

    log: Path
    number: int  # in its log, from 1
    run_id: str | None
    facts: dict[str, object]  # of ALIKE
    seed: object
    there: dict[str, bool] = field(default_factory=dict)  # every key; whether it has numbers, as far as that is known
    columns: dict[str, Column] = field(default_factory=dict)
    resumed: list[Mark] = field(default_factory=list)
    rotated: list[Mark] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    first: float | None = None  # epoch
    last: float | None = None
    records: int = 0
    left_out: int = 0  # records whose epoch does not grow


@dataclass
class LogCurves:
    """A log: its runs, and how sound it is."""

    log: Path
    runs: list[RunCurves]
    problems: int


def read_curves(log: Path, wanted: Wanted) -> LogCurves:
    """Read the curves of a log, in bounded memory for each run.

    Raises:
        InputError: it cannot be read, or has no record, or not the run.
    """
    return _Reading(log, wanted).read()


class _Reading:
    """The reading of one log."""

    def __init__(self, log: Path, wanted: Wanted) -> None:
        self._wanted = wanted
        self._log = log
        self._check = Check(log, run=wanted.run, report=self._report, visit=self._visit)
        self._named: str | None = None  # the newest run, as the check names it
        self._runs: dict[str | None, _Follower] = {}  # by run_id
        self._all: list[_Follower] = []
        self._newest: _Follower | None = None
        self._wrong: list[Problem] = []  # values that have been left out

    def read(self) -> LogCurves:
        summary = self._check.run()
        summary.demand_a_record()
        return LogCurves(self._log, [each.end() for each in self._all], summary.problems)

    def _report(self, problem: Problem) -> None:
        if problem.key is not None and problem.got is not None:
            self._wrong.append(problem)

    def _visit(self, record: Record, file: Path, number: int) -> None:
        wrong: dict[str, str] = {}
        if self._wrong:
            here = [each for each in self._wrong if each.line == number and each.key not in record]
            wrong = {str(each.key): str(each.got) for each in here}
            self._wrong.clear()
        self._follower(record).add(record, file, wrong)

    def _follower(self, record: Record) -> _Follower:
        """Find the run of a record, in the way in which the check has just told it apart."""
        run_id: str | None = record.get("run_id")
        named = self._check.summary.run
        if named != self._named:
            self._named = named
            number = int(str(named).partition(" ")[0])
            facts = {key: record.get(key) for key in ALIKE}
            run = RunCurves(self._log, number, run_id, facts, record.get("seed"))
            if len(self._all) >= MOST_RUNS:
                problem = f"has more than {MOST_RUNS} runs, too many to tell apart"
                raise InputError(problem, where=str(self._log), hint="choose one with --run")
            self._newest = self._runs[run_id] = _Follower(run, self._wanted)
            self._all.append(self._newest)
        assert self._newest is not None
        return self._runs.get(run_id, self._newest)


class _Follower:
    """Adds records to the curves of a run."""

    def __init__(self, run: RunCurves, wanted: Wanted) -> None:
        self._run = run
        self._wanted = wanted
        self._patterns = wanted.keys()
        self._judged = Judged(wanted.rules)
        self._met: set[str] = set()  # keys
        self._columns: list[tuple[str, Column]] = []
        self._file: Path | None = None
        self._time: datetime | None = None
        self._finished = False

    def add(self, record: Record, file: Path, wrong: Mapping[str, str]) -> None:
        """Take in the next record.

        Args:
            wrong: key -> what is there, for those that were left out of the record because they are no such values.
        """
        self._judged.see(record, wrong)
        run, epoch = self._run, record.get("epoch")
        if epoch is None or (run.last is not None and epoch <= run.last):
            run.left_out += 1
            return
        if not record.keys() <= self._met:
            self._meet(record)
        self._mark(record, file, epoch)
        run.first = epoch if run.first is None else run.first
        run.last = epoch
        run.records += 1
        get = record.get
        for key, column in self._columns:
            value = get(key)
            if type(value) is float or type(value) is int:
                column.add(epoch, value)
        for key in (*(get("nonfinite") or ()), *wrong):
            if is_wanted(key, self._patterns):
                self._column(key).add(epoch, None)

    def end(self) -> RunCurves:
        """Give the run when all of it has been read."""
        self._run.alarms = self._judged.alarms()
        return self._run

    def _meet(self, record: Record) -> None:
        """Look at keys that are new: those that are wanted get a column."""
        for key, value in record.items():
            if key not in self._met:
                self._run.there[key] = type(value) in (float, int)
                if is_wanted(key, self._patterns):
                    self._column(key)
        self._met.update(record)

    def _column(self, key: str) -> Column:
        column = self._run.columns.get(key)
        if column is None:
            column = Column(self._wanted.smooth, self._wanted.thresholds.get(key))
            self._run.columns[key] = column
            self._columns.append((key, column))
        return column

    def _mark(self, record: Record, file: Path, epoch: float) -> None:
        """See whether the run was stopped, or its log rotated, before this record."""
        run = self._run
        time = _time(record.get("time"))
        words = "goes on after it was finished" if self._finished else self._pause(record, time, epoch)
        if words and len(run.resumed) < MOST_MARKS:
            run.resumed.append(Mark(epoch, words))
        if self._file is not None and file != self._file and len(run.rotated) < MOST_MARKS:
            run.rotated.append(Mark(epoch, f"the log goes on in {file.name}"))
        self._file, self._time, self._finished = file, time, record.get("finished") is True

    def _pause(self, record: Record, time: datetime | None, epoch: float) -> str | None:
        """Tell of a pause before this epoch, where the clock says that there was one."""
        took = record.get("epoch_duration_sec")
        if time is None or self._time is None or took is None or self._run.last is None:
            return None
        expected = took * (epoch - self._run.last)
        pause = (time - self._time).total_seconds() - expected
        return f"goes on after a pause of {_duration(pause)}" if pause > PAUSE_SECONDS + expected / 2 else None


def _time(words: Any) -> datetime | None:
    return datetime.fromisoformat(words) if isinstance(words, str) else None


def _duration(seconds: float) -> str:
    """Word a duration by its two largest units."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"
