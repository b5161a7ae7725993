"""Check a log: every record by itself, against the one before it, and the file that it stands in.

A record that is right goes the fast way: one call from bytes to values, and a few comparisons. Only where something is
wrong is it read again to find out what.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic_core import ValidationError

from townlet_core.errors import InputError
from townlet_core.telemetry import problems
from townlet_core.telemetry.formats import KNOWN, SINCE_1_1, format_of, is_known, latest
from townlet_core.telemetry.lines import Fault, lines, may_have_more, opened, parsed, repeated_keys
from townlet_core.telemetry.problems import Problem
from townlet_core.telemetry.reader import Reader
from townlet_core.telemetry.record import BASELINE
from townlet_core.telemetry.runs import Runs
from townlet_core.telemetry.sense import contradictions, doubts
from townlet_core.telemetry.stream import files_of

MOST_KEYS: Final = 100_000  # whose name is remembered

Record = dict[str, Any]
Report = Callable[[Problem], None]
Visit = Callable[[Record, Path, int], None]


@dataclass
class Tally:
    """What there is in a file, or in all files of a log."""

    name: Path
    records: int = 0
    problems: int = 0
    warnings: int = 0

    def count(self, problem: Problem) -> None:
        """Count a problem or a warning."""
        if problem.is_warning:
            self.warnings += 1
        else:
            self.problems += 1


@dataclass
class Summary(Tally):
    """What was found in a log."""

    runs: int = 0  # that were looked at
    run: str | None = None  # number and id of the last of these
    epochs: tuple[float, float] | None = None  # least and most
    files: list[Tally] = field(default_factory=list)

    def demand_a_record(self) -> None:
        """Refuse a log in which there is nothing but what is wrong.

        Raises:
            InputError: none of its lines is a record.
        """
        if not self.records:
            hint = f"see 'townlet telemetry validate {self.name}'"
            raise InputError("has no record that can be read", where=str(self.name), hint=hint)


class Check:
    """The check of one log, from its oldest file to its newest: at once by `run`, or line by line as they come.

    Args:
        run: id or number of the only run to look at; lines that cannot be read belong to every run.
        report: called with each problem as it is found.
        visit: called with each record that can be read, and its place; values that are wrong have been left out.
    """

    def __init__(self, log: Path, *, run: str | None = None, report: Report, visit: Visit | None = None) -> None:
        self.summary = Summary(log)
        self._log, self._run = log, run
        self._report_to, self._visit = report, visit
        self._runs = Runs()
        self._reader = Reader(latest())  # of the format of the record before
        self._keys = set(KNOWN)  # that need not be looked at again
        self._file = Tally(log)  # that is being read
        self._newest = 0  # number of a run that was looked at
        self._least, self._most = math.inf, -math.inf  # epoch

    def run(self) -> Summary:
        """Read the log and report all that is wrong with it.

        Raises:
            InputError: it cannot be read, or has no record, or not the run.
        """
        for file in files_of(self._log):
            self.begin(file)
            with opened(file) as handle:
                for number, line in lines(handle):
                    self.look(file, number, line)
        return self.end()

    def begin(self, file: Path) -> None:
        """Count what comes next as the lines of this file."""
        self._file = Tally(file)
        self.summary.files.append(self._file)

    def look(self, file: Path, number: int, line: bytes | Fault) -> None:
        """Check the next line."""
        if isinstance(line, Fault):
            self._report([problems.of_fault(file, number, line)])
        else:
            self._check(line, file, number)

    def take_back(self, run_id: str | None = None, offset: float | None = None) -> None:
        """Expect lines again that were looked at, and are gone from the log; see `Runs.take_back`."""
        self._runs.take_back(run_id, offset)

    @property
    def met(self) -> str | None:
        """Name the runs that there have been, the last of many; None before the first."""
        if not self._runs.count:
            return None
        many = f"the last of its {self._runs.count:,} runs are" if self._runs.count > 1 else "it has run"
        return f"{many} {', '.join(self._runs.last)}"

    def end(self) -> Summary:
        """Give what was found.

        Raises:
            InputError: there was no record, or not the run.
        """
        self._check_that_there_was_something()
        self.summary.epochs = (self._least, self._most) if self._least <= self._most else None
        return self.summary

    def _check(self, line: bytes, file: Path, number: int) -> None:
        """Check a line."""
        found: list[Problem] = []
        try:
            record, is_new = self._reader.read(line)
        except ValidationError:
            examined = self._examine(line, file, number)
            if isinstance(examined, Problem):
                self._report([examined])
                return
            (record, found), is_new = examined, True
        run, wrong = self._runs.place(record, line, (file, number), is_wrong=bool(found))
        if self._run is not None and not run.is_called(self._run):
            return
        if run.number > self._newest:
            self._newest = run.number
            self.summary.runs += 1
            self.summary.run = str(run)
        if is_new:
            found += self._look_at_keys(record, line, file, number)
        if record["telemetry_version"] == 1.0:
            found += _later_keys(record, file, number)
        wrong += contradictions(record, BASELINE)
        wrong += doubts(record)
        if found or wrong:
            self._report(found + [problems.of_contradiction(file, number, each) for each in wrong])
        self._count(record)
        if self._visit is not None:
            self._visit(record, file, number)

    def _examine(self, line: bytes, file: Path, number: int) -> tuple[Record, list[Problem]] | Problem:
        """Find out why a line is no record of the format of the one before it; leave out what is wrong in it."""
        record = parsed(line)
        if isinstance(record, Fault):
            return problems.of_fault(file, number, record)
        found: list[Problem] = []
        if record.keys().isdisjoint(("epoch", "telemetry_version")):
            return Problem(file, number, None, "is no record: it has neither epoch nor telemetry_version")
        form = format_of(record)
        if form is None:
            form = self._reader.format
            if "telemetry_version" in record:
                found.append(problems.of_version(file, number, record["telemetry_version"]))
            else:
                found.append(Problem(file, number, "telemetry_version", "is missing"))
            record["telemetry_version"] = form.version  # to look at the rest of it
        if form is not self._reader.format:
            self._reader = Reader(form)
        errors = form.errors(record)
        found += [problems.of_value(file, number, error) for error in errors]
        for error in errors:
            record.pop(str(error["loc"][0]), None)
        return record, found

    def _look_at_keys(self, record: Record, line: bytes, file: Path, number: int) -> Iterator[Problem]:
        """Find keys that are there more than once, or that nobody knows."""
        for key in repeated_keys(line) if may_have_more(line, record) else ():
            yield Problem(file, number, key, "is there more than once")
        new = [key for key in record if key not in self._keys]
        for key in new:
            if not is_known(key):
                yield problems.of_unknown_key(file, number, key)
        if len(self._keys) < MOST_KEYS:
            self._keys.update(new)

    def _count(self, record: Record) -> None:
        self._file.records += 1
        self.summary.records += 1
        epoch = record.get("epoch")
        if epoch is not None and not self._least <= epoch <= self._most:
            self._least, self._most = min(self._least, epoch), max(self._most, epoch)

    def _report(self, found: list[Problem]) -> None:
        for problem in found:
            self.summary.count(problem)
            self._file.count(problem)
            self._report_to(problem)

    def _check_that_there_was_something(self) -> None:
        if self.summary.runs or (self.summary.problems and self._run is None):
            return
        if self._run is None or self.met is None:
            raise InputError("holds no record", where=str(self._log))
        raise InputError(f"has no run {self._run}", where=str(self._log), hint=self.met)


def _later_keys(record: Record, file: Path, number: int) -> Iterator[Problem]:
    """Find keys that version 1.0 did not have."""
    for key in SINCE_1_1:
        if key in record:
            yield Problem(file, number, key, "is not a key of version 1.0", problems.shown(record[key]))
