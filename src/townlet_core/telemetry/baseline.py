"""What a log is compared with: numbers of another log, of a capture, or of somebody's own choice; and the comparison.

Four kinds of file will do:

- a JSON object of keys and numbers, such as a single record;
- a log: each key's mean over the last run in it;
- a capture's metrics file, of ours or of the predecessor: what `baseline_*` and `conflict.*` say of captures;
- the folder of a capture.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from townlet_core.errors import InputError, did_you_mean
from townlet_core.telemetry import patterns
from townlet_core.telemetry.checks import Check, Record
from townlet_core.telemetry.lines import STDIN, Fault, opened, parsed
from townlet_core.telemetry.problems import Problem, shown
from townlet_core.telemetry.runs import Place

METRICS: Final = "_metrics.json"  # what the name of a capture's metrics file ends in
MOST_OBJECT_BYTES: Final = 2**23

# Keys that tell where a record stands, or how fast the machine was: in a log they are not compared.
PLACES: Final = patterns.PLACES | {"steps", "cycle_id", "epoch_duration_sec", "sps", "lost_records"}
# Key of a record -> metric of a sample of which it is the mean over samples.
MEANS: Final = {
    "baseline_reward_mean": "reward_mean",
    "baseline_reward_sum_mean": "reward_sum",
    "baseline_log_prob_mean": "log_prob_mean",
    "conflict.rivalry_max_mean_avg": "rivalry_max_mean",
    "conflict.rivalry_max_max_avg": "rivalry_max_max",
    "conflict.rivalry_avoid_count_mean_avg": "rivalry_avoid_count_mean",
    "conflict.rivalry_avoid_count_max_avg": "rivalry_avoid_count_max",
}


class Baseline(NamedTuple):
    """What to compare with."""

    values: dict[str, float]  # by key
    doubt: str | None = None  # what is wrong with the log that they are from


def read_baseline(path: Path) -> Baseline:
    """Read what to compare with.

    Raises:
        InputError: there is nothing to compare with.
    """
    if path.is_dir():
        path = _metrics_in(path)
    found = _object(path)
    if found is None:
        baseline = _means_of_log(path)
    elif _is_metrics(found):
        baseline = Baseline(_of_capture(found.get("samples", found)))
    else:
        baseline = Baseline(_numbers(found, without=PLACES if "telemetry_version" in found else frozenset()))
    if not baseline.values:
        raise InputError("holds no number to compare with", where=str(path))
    return baseline


def is_log(path: Path) -> bool:
    """Say whether what to compare with is a log, so that it has epochs."""
    return not path.is_dir() and _object(path) is None


@dataclass
class Drift:
    """How far a key is from its baseline."""

    key: str
    baseline: float
    limit: float | None  # of the drift; None: it is only shown
    relative: bool
    difference: float = -1.0  # the largest, once a record has had a number for it
    value: float | None = None  # where it is the largest
    epoch: float | None = None
    at: Place | None = None

    @property
    def amount(self) -> float:
        """The largest drift: a difference, or a share of the baseline."""
        if not self.relative or self.difference <= 0:
            return self.difference
        return self.difference / abs(self.baseline) if self.baseline else math.inf

    @property
    def is_beyond(self) -> bool:
        """Say whether the key is further from its baseline than it may be."""
        return self.limit is not None and self.amount > self.limit

    def problem(self) -> Problem:
        """Word a drift that is beyond its limit."""
        assert self.at is not None
        assert self.limit is not None
        epoch = "" if self.epoch is None else f" in epoch {self.epoch:.15g}"
        by = f"{self.words(self.amount)} off (limit {self.words(self.limit)}) its baseline of {self.baseline:g}{epoch}"
        return Problem(self.at[0], self.at[1], self.key, f"is {by}", shown(self.value))

    def words(self, drift: float) -> str:
        """Word a drift, or its limit."""
        if not self.relative:
            return f"{drift:.4g}"
        return f"{drift:.1%}" if math.isfinite(drift) else "\N{INFINITY}"


class Comparison:
    """Compares every record with a baseline, and keeps the worst of each key.

    Args:
        relative: drift is the share of the baseline, not the difference.
        threshold: most that every key may drift.
        tolerances: key -> most that it may drift.
    """

    def __init__(
        self,
        baseline: Mapping[str, float],
        *,
        relative: bool = False,
        threshold: float | None = None,
        tolerances: Mapping[str, float] | None = None,
    ) -> None:
        self._demanded = tolerances or {}
        self._drifts = [
            Drift(key, value, self._demanded.get(key, threshold), relative) for key, value in baseline.items()
        ]
        self._watched = [(drift.key, drift.baseline, drift) for drift in self._drifts]

    def visit(self, record: Record, file: Path, number: int) -> None:
        """Compare a record."""
        get = record.get
        for key, baseline, drift in self._watched:
            value = get(key)
            if value is None:
                continue
            try:
                difference = abs(value - baseline)
            except (TypeError, OverflowError):  # a word, which some keys may have, or beyond all numbers
                continue
            if difference > drift.difference:
                drift.difference, drift.value = difference, value
                drift.epoch, drift.at = get("epoch"), (file, number)

    def result(self, log: Path) -> list[Drift]:
        """Give the drift of each key that the log has, the worst first.

        Raises:
            InputError: the log has none of them, or lacks one that has a tolerance of its own.
        """
        for drift in self._drifts:
            if drift.at is None and drift.key in self._demanded:
                raise InputError(f"has no {drift.key} to compare with the baseline", where=str(log))
        found = [drift for drift in self._drifts if drift.at is not None]
        if not found:
            raise InputError("has none of the keys of the baseline", where=str(log))
        return sorted(found, key=lambda drift: (not drift.is_beyond, -drift.amount))


def unknown_tolerance(tolerances: Mapping[str, float], baseline: Mapping[str, float]) -> str | None:
    """Word what is wrong with tolerances: a key that the baseline does not have."""
    for key in tolerances:
        if key not in baseline:
            near = did_you_mean(key, baseline)
            return f"the baseline has no key {key}" + (f"; {near}" if near else "")
    return None


def _metrics_in(folder: Path) -> Path:
    found = sorted(folder.glob(f"*{METRICS}"))
    if len(found) != 1:
        problem = f"holds {len(found)} captures" if found else f"is no capture: it has no file *{METRICS}"
        raise InputError(problem, where=str(folder), hint="name the metrics file of one" if found else None)
    return found[0]


def _object(path: Path) -> Record | None:
    """Read a file that is one JSON object; None for a log of several lines."""
    if path == STDIN:
        return None
    with opened(path) as file:
        content = file.read(MOST_OBJECT_BYTES)
    found = parsed(content)
    return None if isinstance(found, Fault) else found


def _is_metrics(found: Record) -> bool:
    samples = found.get("samples", found)
    return isinstance(samples, dict) and bool(samples) and all(isinstance(each, dict) for each in samples.values())


def _of_capture(samples: Mapping[str, Record]) -> dict[str, float]:
    """Put the metrics of samples together as training does; what a sample lacks is left out."""
    every = [_numbers(sample) for sample in samples.values()]
    values: dict[str, float] = {"baseline_sample_count": len(every)}
    for key, metric in MEANS.items():
        if all(metric in sample for sample in every):
            values[key] = sum(sample[metric] for sample in every) / len(every)
    if "baseline_reward_sum_mean" in values:
        values["baseline_reward_sum"] = values["baseline_reward_sum_mean"] * len(every)
    return _numbers(values)


def _numbers(found: Mapping[str, Any], without: frozenset[str] = frozenset()) -> dict[str, float]:
    """Give the numbers that there are, but for those that are beyond all floats."""
    return {
        key: float(value)
        for key, value in found.items()
        if type(value) in (int, float) and abs(value) <= sys.float_info.max and key not in without
    }


def _means_of_log(path: Path) -> Baseline:
    """Take the mean of each key over the last run in a log; values that are wrong are left out."""
    sums: dict[str, float] = {}
    counts: dict[str, int] = {}
    problems: list[Problem] = []
    newest: str | None = None

    def add(record: Record, *_: object) -> None:
        nonlocal newest
        if check.summary.run != newest:
            newest = check.summary.run
            sums.clear()
            counts.clear()
        for key, value in _numbers(record, PLACES).items():
            sums[key] = sums.get(key, 0.0) + value
            counts[key] = counts.get(key, 0) + 1

    def keep_first(problem: Problem) -> None:
        if not problems and not problem.is_warning:
            problems.append(problem)

    check = Check(path, report=keep_first, visit=add)
    check.run().demand_a_record()
    means = {key: total / counts[key] for key, total in sums.items() if math.isfinite(total)}
    doubts = [*map(str, problems), *(f"{key} is too large to have a mean" for key in sums if key not in means)]
    return Baseline(means, f"the baseline is doubtful: {doubts[0]}" if doubts else None)
