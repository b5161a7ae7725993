"""The runs in a log, told apart, and whether the records of each come one after the other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from townlet_core.telemetry.sense import Contradiction

MOST_GROWTHS: Final = 3  # of first epochs, by which runs are found to take turns
MOST_NAMED: Final = 5  # runs, to choose from
MOST_RUNS: Final = 10_000  # that are remembered; the oldest are forgotten first

TURNS: Final = "is missing, and epochs go on where others end: several runs seem to write this log in turns"

Record = dict[str, Any]
Place = tuple[Path, int]  # file and line


@dataclass(slots=True)
class Run:
    """A run as far as it has been read. What a record lacks stays as it was."""

    number: int  # from 1, by the first record
    run_id: str | None
    begin: Place  # of its first record
    first: int  # hash of the line of that
    at: Place  # of its last record
    epoch: float | None = None
    steps: float | None = None
    seq: float | None = None

    def is_called(self, name: str) -> bool:
        """Say whether a user means this run: by its id, or by its number."""
        return name in (self.run_id, str(self.number))

    def __str__(self) -> str:
        return f"{self.number} ({self.run_id})" if self.run_id is not None else f"{self.number}"


class Turns:
    """Finds out whether several runs without an id write a log at once: then each new one begins where its own goes on.

    Of runs that come one after the other the first epochs are 1, or those after checkpoints, many records apart. Of
    those that take turns they grow by no more than a run's own epochs do from record to record.
    """

    def __init__(self) -> None:
        self._first: float | None = None  # epoch of the last run that has begun
        self.step = math.inf  # least growth of the epoch from a record to the next
        self._growths = 0  # one after the other
        self._is_told = False

    def begins(self, epoch: float) -> bool:
        """Note where a new run begins; say once if this is none."""
        growth = epoch - self._first if self._first is not None else 0.0
        if growth:
            self._growths = self._growths + 1 if 0 < growth <= self.step else 0
        self._first = epoch
        is_new = self._growths >= MOST_GROWTHS and not self._is_told
        self._is_told = self._is_told or is_new
        return is_new


class Runs:
    """Tells runs apart by `run_id`; where that is missing, a new one begins where the epoch does not grow."""

    def __init__(self) -> None:
        self.count = 0
        self.last: deque[str] = deque(maxlen=MOST_NAMED)  # numbers and ids
        self._found: dict[str | None, Run] = {}  # the last one without an id under None
        self._repeatable: dict[int, Run] = {}  # hash of the first line -> a run without an id
        self._offset: float | None = None  # of the last record
        self._run_id: str | None = None  # of the last record
        self._line = b""  # of the last record
        self._turns = Turns()

    def place(
        self, record: Record, line: bytes, at: Place, *, is_wrong: bool = False
    ) -> tuple[Run, list[Contradiction]]:
        """Find the run of the next record, and what is wrong with the record's place in it.

        Args:
            record: values of the right types; those that are wrong have been left out.
            is_wrong: there are such; if it lacks a run_id it belongs to the run before it.
        """
        run_id: str | None = record.get("run_id", self._run_id if is_wrong else None)
        epoch: float | None = record.get("epoch")
        run = self._found.get(run_id)
        falls = run is not None and epoch is not None and run.epoch is not None and epoch <= run.epoch
        if run is None or (falls and run_id is None and line != self._line):
            run = self._begin(run_id, line, at)
            wrong = self._repeats(run) if run_id is None else []
            if falls and epoch is not None and self._turns.begins(epoch):
                wrong.append(Contradiction("run_id", TURNS, is_doubt=True))
        elif falls:
            wrong = [_falls(run, record["epoch"], is_same=line == self._line)]
        else:
            wrong = [*_goes_on(run, record)]
            if run_id is None and epoch is not None and run.epoch is not None and epoch - run.epoch < self._turns.step:
                self._turns.step = epoch - run.epoch
        offset = record.get("log_stream_offset")
        if offset is not None:
            if self._offset is not None and offset <= self._offset and line != self._line:
                wrong.append(Contradiction("log_stream_offset", f"must be more than {self._offset:.15g}", offset))
            self._offset = offset
        _remember(run, record, at)
        self._run_id, self._line = run_id, line
        return run, wrong

    def take_back(self, run_id: str | None = None, offset: float | None = None) -> None:
        """Expect records again that were placed before, and are gone from the log.

        Args:
            run_id: their run; None: it is not known whose they were.
            offset: log_stream_offset of the last record that stays, where it is known.
        """
        for run in self._found.values() if run_id is None else filter(None, [self._found.get(run_id)]):
            run.epoch = run.steps = run.seq = None
        self._offset, self._line = offset, b""

    def _begin(self, run_id: str | None, line: bytes, at: Place) -> Run:
        self.count += 1
        if len(self._found) >= MOST_RUNS:
            del self._found[next(iter(self._found))]
        self._found[run_id] = run = Run(self.count, run_id, at, hash(line), at)
        self.last.append(str(run))
        if run_id is None:
            self._offset = None  # the predecessor counts them anew in each run
        return run

    def _repeats(self, run: Run) -> list[Contradiction]:
        """Tell whether a run without an id has begun in the same way before."""
        earlier = self._repeatable.setdefault(run.first, run)
        if len(self._repeatable) > MOST_RUNS:
            del self._repeatable[next(iter(self._repeatable))]
        if earlier is run:
            return []
        return [Contradiction("epoch", f"repeats run {earlier.number}, which begins in {place_of(earlier.begin)}")]


def _falls(run: Run, epoch: float, *, is_same: bool) -> Contradiction:
    """Word an epoch that does not grow."""
    last = place_of(run.at)
    if is_same:
        return Contradiction("epoch", f"repeats the record in {last}", epoch)
    if epoch == run.epoch:
        return Contradiction("epoch", f"is there already, in {last}", epoch)
    return Contradiction("epoch", f"must be more than {run.epoch:.15g}, as in {last}", epoch)


def _goes_on(run: Run, record: Record) -> Iterator[Contradiction]:
    """Compare a record with the one before it in its run."""
    steps, seq = record.get("steps"), record.get("seq")
    same_is_right = record.get("transitions") == 0
    if (
        steps is not None
        and run.steps is not None
        and steps <= run.steps
        and not (same_is_right and steps == run.steps)
    ):
        yield Contradiction("steps", f"must be more than {run.steps:.15g}, as in {place_of(run.at)}", steps)
    if seq is not None and run.seq is not None and seq != run.seq + 1:
        if seq <= run.seq:
            yield Contradiction("seq", f"must be more than {run.seq:.15g}, as in {place_of(run.at)}", seq)
        else:
            missing = f"must be {run.seq + 1:.15g}: records before it are missing"
            yield Contradiction("seq", missing, seq, is_doubt=True)


def _remember(run: Run, record: Record, at: Place) -> None:
    run.at = at
    epoch, steps, seq = record.get("epoch"), record.get("steps"), record.get("seq")
    run.epoch = epoch if epoch is not None else run.epoch
    run.steps = steps if steps is not None else run.steps
    run.seq = seq if seq is not None else run.seq


def place_of(at: Place) -> str:
    """Word the place of a record."""
    return f"{at[0]}:{at[1]}"
