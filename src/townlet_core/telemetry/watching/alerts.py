"""Whether a rule is ok, pending or firing: records go in one after the other, what has come about comes out.

A value that is null, NaN or infinite is a breach of every rule on its metric. A record without the key says nothing:
the rule stays as it was, unless it is about the key being missing.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

from townlet_core.telemetry.formats import BASE, MIGRATED_FROM
from townlet_core.telemetry.problems import shown
from townlet_core.telemetry.watching.ranges import limit_of, meaning_of_null
from townlet_core.telemetry.watching.rules import Rule

NONFINITE: Final = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}  # as in a record -> as people write it
NULL: Final = "null"

Record = Mapping[str, Any]


class State(Enum):
    """How it stands with a rule."""

    OK = "ok"
    PENDING = "pending"  # breached, but not for long enough
    FIRING = "FIRING"


class Odd(NamedTuple):
    """What stands where a number should."""

    got: str  # null, NaN, ...
    why: str | None = None  # what the format means by it


Value = float | Odd | None  # None: the record has no such key
Past = tuple[float | None, float]  # epoch, if it is known, and number


class Breach(NamedTuple):
    """A record that a rule does not allow."""

    value: float | None  # of the metric; None where it is no number, or missing
    got: str | None  # what there is instead of a number; None where there is one
    compared: float | None  # with the limit: the value, its change, or epochs without a gain
    limit: float | None
    words: str


class Verdict(NamedTuple):
    """What a record has come to by a rule."""

    rule: Rule
    state: State
    breach: Breach | None
    fired: bool  # it did not before
    resolved: bool  # it did before
    streak: int  # breaches that count for it: one after the other, or of the last m

    @property
    def what(self) -> str:
        """What the record has come to, in words."""
        return self.rule.looks_at + (f" {self.breach.words}" if self.breach is not None else " is fine")


def value_of(record: Record, metric: str, wrong: Mapping[str, str]) -> Value:
    """Read a metric of a record.

    Args:
        wrong: key -> what is there, for those that were left out of the record because they are no such values.
    """
    if metric in wrong:
        return Odd(wrong[metric])
    if metric not in record:
        return None
    value = record[metric]
    if value is not None:
        return float(value) if type(value) in (int, float) else Odd(shown(value))
    if metric in (record.get("nonfinite") or {}):
        return Odd(NONFINITE[record["nonfinite"][metric]])
    if record.get(MIGRATED_FROM) is not None and metric not in BASE:
        return None  # its version did not have the key, and says so by null
    return Odd(NULL, meaning_of_null(metric))


def is_null(record: Record, metric: str) -> bool:
    """Say whether a record has null for a metric, and not for a number that was none."""
    return value_of(record, metric, {}) == Odd(NULL, meaning_of_null(metric))


def may_be_null(rule: Rule, record: Record) -> bool:
    """Say whether a rule passes over null in a record."""
    unmeasured = record.get("rollout_ticks") == 0 or record.get("transitions") == 0
    return unmeasured if rule.allow_null == "unmeasured" else rule.allow_null


def unmeasured_while(record: Record) -> str:
    """Word what keeps a record from having what others have."""
    if record.get("transitions") == 0:
        return "while nobody lives"
    return "while only captures are learned from" if record.get("rollout_ticks") == 0 else "here"


class Alerts:
    """All rules, over the records of one run."""

    def __init__(self, rules: Sequence[Rule], baselines: Mapping[str, float]) -> None:
        """Begin with every rule ok.

        Args:
            baselines: title of a rule -> value of its baseline.
        """
        self._judges = [Judge(rule, baselines.get(rule.title)) for rule in rules]

    def see(self, record: Record, wrong: Mapping[str, str]) -> list[Verdict]:
        """Judge the next record by every rule."""
        epoch = record.get("epoch")
        return [
            judge.see(value_of(record, judge.rule.metric, wrong), epoch, may_be_null=may_be_null(judge.rule, record))
            for judge in self._judges
        ]

    @property
    def firing(self) -> list[Rule]:
        """The rules that fire."""
        return [judge.rule for judge in self._judges if judge.state is State.FIRING]


class Judge:
    """One rule, and what it remembers.

    Args:
        reference: the value of its baseline, if it has one.
    """

    def __init__(self, rule: Rule, reference: float | None = None) -> None:
        self.rule, self.reference = rule, reference
        self.state = State.OK
        self._needed, among = rule.n_of or (rule.for_ or 1, rule.for_ or 1)
        self._recent: deque[bool] = deque(maxlen=among)  # whether the last epochs were breaches
        self._quiet = 0  # epochs without a breach while it fires
        self._past: deque[Past] = deque(maxlen=rule.window or rule.change_over or 0)
        self._best: float | None = None
        self._since = 0  # epochs since the last gain

    def see(self, value: Value, epoch: float | None, *, may_be_null: bool = False) -> Verdict:
        """Judge the value of an epoch.

        Args:
            may_be_null: null there says nothing.
        """
        if self.rule.missing:
            return self._step(_missing(value))
        if value is None or (isinstance(value, Odd) and value.got == NULL and may_be_null):
            return self._verdict(None)
        if isinstance(value, Odd):
            return self._step(Breach(None, value.got, None, None, _explained(value)))
        return self._step(self._look(value, abs(value) if self.rule.amount else value, epoch))

    def _look(self, value: float, number: float, epoch: float | None) -> Breach | None:
        """Compare a number with what the rule demands. While there is too little to compare it with it is fine."""
        rule = self.rule
        if rule.plateau_over is not None:
            return self._stand_still(number, rule.plateau_over)
        reference, compared, of = self.reference, number, ""
        if rule.window is not None or rule.change_over is not None:
            before = list(self._past)
            self._past.append((epoch, number))
            if len(before) < (rule.window or rule.change_over or 0):
                return None
            if rule.window is not None:
                reference = _mean([past for _, past in before])
                of = f"the mean of {rule.window} epochs is {reference:.4g}"
            else:
                compared = _change(before[0], (epoch, number), len(before))
        elif reference is not None:
            of = f"its baseline is {reference:.4g}"
        share = rule.clear if self.state is State.FIRING else None
        return self._beyond(value, compared, limit_of(rule, reference, share), of)

    def _beyond(self, value: float, compared: float, limit: float, of: str) -> Breach | None:
        """Compare with a limit."""
        above = self.rule.above is not None
        if compared <= limit if above else compared >= limit:
            return None
        clears = self.state is State.FIRING and self.rule.clear is not None
        side = ("above" if above else "below") if not clears else "to clear it must come to"
        if self.rule.change_over is not None:
            words = f"changes by {compared:.4g} an epoch, {side} {limit:.4g}; it is {value:.4g}"
        else:
            words = f"is {compared:.4g}, {side} {limit:.4g}" + (f" ({of})" if of else "")
        return Breach(value, None, compared, limit, words)

    def _stand_still(self, value: float, most: int) -> Breach | None:
        """Count the epochs since the last gain."""
        sign = 1.0 if self.rule.better == "higher" else -1.0
        if self._best is None or sign * (value - self._best) > (self.rule.least_gain or 0.0):
            self._best, self._since = value, 0
            return None
        self._since += 1
        if self._since < most:
            return None
        words = f"is {value:.4g}: {self._since} epochs without a gain over {self._best:.4g}, limit {most}"
        return Breach(value, None, float(self._since), float(most), words)

    def _step(self, breach: Breach | None) -> Verdict:
        """Go from state to state."""
        in_a_row = self.rule.n_of is None
        if in_a_row and breach is None:
            self._recent.clear()
        else:
            self._recent.append(breach is not None)
        enough = sum(self._recent) >= self._needed
        otherwise = State.PENDING if any(self._recent) else State.OK
        if self.state is not State.FIRING:
            self.state = State.FIRING if enough else otherwise
            self._quiet = 0
            return self._verdict(breach, fired=enough)
        still = breach is not None if in_a_row else enough
        self._quiet = 0 if still else self._quiet + 1
        if self._quiet > self.rule.keep_firing_for:
            self.state = otherwise
        return self._verdict(breach, resolved=self.state is not State.FIRING)

    def _verdict(self, breach: Breach | None, *, fired: bool = False, resolved: bool = False) -> Verdict:
        return Verdict(self.rule, self.state, breach, fired, resolved, sum(self._recent))


def _change(first: Past, last: Past, records: int) -> float:
    """Give the change an epoch; where an epoch is not known, a record counts as one.

    Of numbers so large that their difference is none it is the largest there is.
    """
    span = last[0] - first[0] if last[0] is not None and first[0] is not None else 0.0
    epochs = span if span > 0 else records
    return max(-sys.float_info.max, min((last[1] - first[1]) / epochs, sys.float_info.max))


def _mean(numbers: Sequence[float]) -> float:
    """Give the mean also of numbers so large that their sum is none."""
    try:
        return math.fsum(numbers) / len(numbers)
    except OverflowError:
        return math.fsum(number / len(numbers) for number in numbers)


def _explained(odd: Odd) -> str:
    return f"is {odd.got}" + (f" ({odd.got} {odd.why})" if odd.why else "")


def _missing(value: Value) -> Breach | None:
    if value is None:
        return Breach(None, "nothing", None, None, "is missing")
    if isinstance(value, Odd):
        return Breach(None, value.got, None, None, _explained(value))
    return None
