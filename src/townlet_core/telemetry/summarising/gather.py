"""The records of one run of a log, taken in as they are read: rows of numbers for its digest, and what it is from."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Mapping
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import numpy as np

from townlet_core.telemetry.checks import Check, Record, Summary
from townlet_core.telemetry.problems import Problem
from townlet_core.telemetry.summarising.digest import ABSENT, Block, Digest
from townlet_core.telemetry.summarising.metrics import NO_METRICS

MOST_NUMBERS: Final = 2**16  # in a block
MOST_RECORDS: Final = 512  # in a block
MOST_KEYS: Final = 2000  # of which there are numbers
MOST_NAMES: Final = 100_000  # that are remembered
NUMBERS: Final = (float, int, type(None))  # true and false are none

NOT_FINITE: Final = "must be a finite number"  # as a check words it
SIGNS: Final = {"NaN": "nan", "Infinity": "inf", "-Infinity": "-inf"}


class Gathered:
    """What there is in a run. A second run in the log takes the place of the first, unless one was asked for.

    Args:
        last: epochs at its end whose numbers are wanted; None: all.
        limits: key -> amount; it is counted how often the key is beyond it.
    """

    def __init__(self, log: Path, *, run: str | None, last: int | None, limits: Mapping[str, float]) -> None:
        self.log = log
        self.left_out = 0  # lines that cannot be read
        self._last, self._limits = last, limits
        self._odd: list[Problem] = []  # values of the next record that are not finite
        self._check = Check(log, run=run, report=self._note, visit=self._take)
        self._run: str | None = None
        self._clear()

    def read(self) -> Summary:
        """Read the log; give what a check says of it.

        Raises:
            InputError: it cannot be read, or has no record, or not the run.
        """
        found = self._check.run()
        found.demand_a_record()
        self._flush()
        for number, key, sign in self._recent:
            if self._last is not None and number > self.records - self._last:
                self._add_nonfinite(key, sign)
        kept = sum(len(block.values) for block in self._blocks)
        for block in self._blocks:
            extra = max(kept - self._last, 0) if self._last is not None else 0
            kept -= extra
            self.digest.add(_without(block, extra))
        self._blocks.clear()
        return found

    def _clear(self) -> None:
        self.digest = Digest(self._limits)
        self.records = 0
        self.first: Record = {}
        self.final: Record = {}
        self.modes: set[str] = set()
        self.seconds: float | None = None
        self.lost: int | None = None
        self.nonfinite: dict[str, Counter[str]] = {}
        self._recent: deque[tuple[int, str, str]] = deque()  # number of a record, key and sign, of the last epochs
        self.keys_left_out = 0
        self._columns: list[str] = []
        self._known: set[str] = set(NO_METRICS)  # keys that have a column, or are to have none
        self._rows: list[tuple[Any, ...]] = []
        self._epochs: list[float | None] = []
        self._worst: list[str | None] = []
        self._blocks: deque[Block] = deque()
        self._layout: Any = None  # keys of the records that _row takes a row from
        self._row: Callable[[Record], tuple[Any, ...]] = tuple
        self._most = MOST_RECORDS

    def _note(self, problem: Problem) -> None:
        if problem.key is None:
            self.left_out += 1
        elif problem.what == NOT_FINITE:
            self._odd.append(problem)

    def _take(self, record: Record, file: Path, number: int) -> None:
        """Take the next record in, if it is of the newest run."""
        get = record.get
        if self._check.summary.run != self._run:
            self._clear()
            self._run = self._check.summary.run
            self.first = record
        elif get("run_id") != self.first.get("run_id") and get("run_id") is not None:
            return  # two runs that were written at the same time
        if self._odd or "nonfinite" in record:
            self._count_nonfinite(record, file, number)
        row = self._row(record) if record.keys() == self._layout else self._other(record)  # may begin a new block
        self._rows.append(row)
        self._epochs.append(get("epoch"))
        self._worst.append(get("agents.worst"))
        self.modes.add(get("data_mode", ""))
        self.records += 1
        self.final = record
        if len(self._rows) >= self._most:
            self._flush()

    def _other(self, record: Record) -> tuple[Any, ...]:
        """Take a row from a record with other keys than those of the one before."""
        if not record.keys() <= self._known:
            self._add_columns(record)
        if record.get("lost_records") is not None:
            self.lost = max(int(record["lost_records"]), self.lost or 0)
        elif len(self._columns) > 1 and record.keys() >= set(self._columns):
            self._layout, self._row = record.keys(), itemgetter(*self._columns)
        return tuple(map(record.get, self._columns, repeat(ABSENT)))

    def _add_columns(self, record: Record) -> None:
        new = [key for key in record if key not in self._known]
        numbers = [key for key in new if type(record[key]) in NUMBERS]
        room = MOST_KEYS - len(self._columns)
        self.keys_left_out += len(numbers[room:])
        if len(self._known) < MOST_NAMES:
            self._known.update(new)
        if numbers[:room]:
            self._flush()
            self._columns = self._columns + numbers[:room]  # a new list: a block has the old one
            self._layout = None
            self._most = max(1, min(MOST_RECORDS, MOST_NUMBERS // len(self._columns)))

    def _count_nonfinite(self, record: Record, file: Path, number: int) -> None:
        """Count what is no number: ours say so by a key, others have it as it is, and the check leaves it out."""
        found = dict(record.get("nonfinite") or {})
        here = [problem for problem in self._odd if (problem.file, problem.line) == (file, number)]
        found |= {str(problem.key): SIGNS.get(str(problem.got), "nan") for problem in here}
        self._odd.clear()
        for key, sign in found.items():
            if self._last is None:
                self._add_nonfinite(key, sign)
            else:
                self._recent.append((self.records + 1, key, sign))
        while self._last is not None and self._recent and self._recent[0][0] <= self.records + 1 - self._last:
            self._recent.popleft()

    def _add_nonfinite(self, key: str, sign: str) -> None:
        if key in self.nonfinite or len(self.nonfinite) < MOST_KEYS:
            self.nonfinite.setdefault(key, Counter())[sign] += 1

    def _flush(self) -> None:
        """Make a block of the rows, and give it to the digest or keep it."""
        if not self._rows:
            return
        try:
            values = np.array(self._rows, dtype=np.float64)
        except (ValueError, TypeError):  # a word, in a key that had a number before
            values = np.array([[_cleaned(value) for value in row] for row in self._rows], dtype=np.float64)
        epochs = np.array(self._epochs, dtype=np.float64)
        block = Block(self._columns, values.reshape(len(epochs), -1), epochs, self._worst)
        self._rows, self._epochs, self._worst = [], [], []
        self._add_seconds(block)
        if self._last is None:
            self.digest.add(block)
            return
        self._blocks.append(block)
        while sum(len(each.values) for each in self._blocks) - len(self._blocks[0].values) >= self._last:
            self._blocks.popleft()

    def _add_seconds(self, block: Block) -> None:
        """Add the durations, which are those of the whole run whatever part of it is wanted."""
        if "epoch_duration_sec" in block.keys:
            seconds = block.values[:, block.keys.index("epoch_duration_sec")]
            known = seconds[np.isfinite(seconds)]
            if len(known):
                self.seconds = (self.seconds or 0.0) + float(known.sum())


def _without(block: Block, records: int) -> Block:
    """Leave out the first records of a block."""
    return Block(block.keys, block.values[records:], block.epochs[records:], block.worst[records:])


def _cleaned(value: Any) -> float:
    return float(value) if isinstance(value, float | int) else math.nan
