"""A log watched by rules: its lines go in, typed events come out. A line that cannot be read is a warning, no end."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from townlet_core.locks import holder_of
from townlet_core.telemetry.checks import Check, Record
from townlet_core.telemetry.following.follow import Line, Notice
from townlet_core.telemetry.lines import lines, opened
from townlet_core.telemetry.problems import Problem
from townlet_core.telemetry.stream import files_of
from townlet_core.telemetry.watching.against import baselines_of
from townlet_core.telemetry.watching.alerts import Alerts, Verdict, is_null, may_be_null, unmeasured_while
from townlet_core.telemetry.watching.events import (
    Alert,
    BreachSeen,
    Ended,
    Event,
    Reason,
    RecordSeen,
    Resolved,
    Warned,
    Why,
)
from townlet_core.telemetry.watching.ranges import doubts, looks_at_nothing
from townlet_core.telemetry.watching.rules import Rule

ALWAYS: Final = "ep_return_mean"  # is told of whether or not a rule is about it
STALL: Final = "stall"  # what alerts call a log in which nothing is written


def read_once(log: Path) -> Iterator[Line]:
    """Give all lines of a log and its segments.

    Raises:
        InputError: it cannot be read.
    """
    for file in files_of(log):
        with opened(file) as handle:
            for number, line in lines(handle):
                yield Line(file, number, line)


class Watch:
    """The watch of one log.

    Args:
        rules: what must not come about.
        own: those that somebody wrote, and should know where one of them looks at nothing; None: all.
        run: id or number of the only run to look at.
        stall: seconds without a record that are an alert.
        clock: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        log: Path,
        rules: Sequence[Rule],
        *,
        own: Sequence[Rule] | None = None,
        run: str | None = None,
        stall: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rules = rules
        self.records = self.alerts = self.warnings = 0
        self.is_finished = False  # says the last record
        self._log, self._own, self._stall, self._clock = log, rules if own is None else own, stall, clock
        self._baselines = baselines_of(rules)
        self._wanted = run
        self._is_waiting = False  # for that, and it was told
        self._check = Check(log, run=run, report=self._problem, visit=self._visit)
        self._problems: list[Problem] = []  # of the line that is being looked at
        self._events: list[Event] = []  # of it
        self._file: Path | None = None
        self._run: str | None = None
        self._judging = Alerts(rules, self._baselines)
        self._fired: dict[str, int | None] = {}  # title of a rule that fires -> epoch at which it began to
        self._seen: set[str] = set()  # metrics that a record has had
        self._last = clock()  # when the last record came
        self._epoch: int | None = None  # of that

    def begin(self) -> list[Event]:
        """Tell what is doubtful about the rules by themselves."""
        return [
            self.warn(f"rule '{rule.title}': {doubt}")
            for rule in self.rules
            for doubt in doubts(rule, self._baselines.get(rule.title))
        ]

    def take(self, found: Line | Notice) -> list[Event]:
        """Look at what has come next."""
        if isinstance(found, Notice):
            if found.line is not None:
                self._check.take_back()
                return [self.warn(found.what, found.file)]
            if found.run is not None:
                self._check.take_back(found.run.run_id, found.run.after)
            return [Warned(what=found.what, is_note=True, file=str(found.file))]
        if found.file != self._file:
            self._file = found.file
            self._check.begin(found.file)
        self._problems, self._events = [], []
        self._check.look(found.file, found.number, found.line)
        return [*(self.warn(each.message, each.file, each.line) for each in self._problems), *self._events]

    def awaited(self) -> list[Event]:
        """Tell once if the log has runs, and the one to look at is not among them."""
        if self._is_waiting or self._wanted is None or self.records or self._check.met is None:
            return []
        self._is_waiting = True
        what = f"has no run {self._wanted} yet, waiting for it; {self._check.met}"
        return [Warned(what=what, is_note=True, file=str(self._log))]

    def idle(self) -> list[Event]:
        """Tell if nothing has come for too long."""
        quiet = self._clock() - self._last
        if self._stall is None or quiet <= self._stall or STALL in self._fired:
            return []
        self._fired[STALL] = self._epoch
        self.alerts += 1
        stalled = Alert(
            rule=STALL,
            severity="critical",
            metric=None,
            condition=f"no record for {self._stall:g} s",
            log=str(self._log),
            file=None,
            line=None,
            run=self._run,
            epoch=self._epoch,
            value=quiet,
            got=None,
            compared=quiet,
            limit=self._stall,
            breaches=1,
            what=f"no record for {quiet:.0f} s, limit {self._stall:g}",
            message="look whether the training still runs",
        )
        return [stalled]

    def end(self, reason: Reason, *, interrupted: int | None = None) -> list[Event]:
        """Tell what it came to.

        Args:
            interrupted: exit code where somebody has stopped the watch.

        Raises:
            InputError: the log was read to its end and has no record, or not the run.
        """
        if reason == "read":
            self._check.end().demand_a_record()
        unseen = [rule for rule in self._own if rule.metric not in self._seen and not rule.missing]
        warned = [
            self.warn(f"rule '{rule.title}': no record had {rule.metric}") for rule in (unseen if self.records else ())
        ]
        ended = Ended(
            reason=reason,
            records=self.records,
            alerts=self.alerts,
            firing=tuple(self._fired),
            warnings=self.warnings,
            exit_code=int(bool(self.alerts)) if interrupted is None else interrupted,
        )
        return [*warned, ended]

    def warn(self, what: str, file: Path | None = None, line: int | None = None) -> Warned:
        """Make a warning, and count it."""
        self.warnings += 1
        return Warned(what=what, file=None if file is None else str(file), line=line)

    def _problem(self, problem: Problem) -> None:
        self._problems.append(problem)

    def _visit(self, record: Record, file: Path, number: int) -> None:
        """Judge a record."""
        self._last = self._clock()
        wrong = {
            each.key: each.got
            for each in self._problems
            if each.key is not None and each.got is not None and each.key not in record
        }
        run = record.get("run_id") or str(self._check.summary.run).partition(" ")[0]
        epoch = _whole(record.get("epoch"))
        at: dict[str, Any] = {"file": str(file), "line": number, "run": run, "epoch": epoch}
        if run != self._run:
            self._events += self._begin_run(run, record, at)
        verdicts = self._judging.see(record, wrong)
        self._events.append(self._seen_record(record, wrong, verdicts, at))
        if STALL in self._fired:
            since = self._fired.pop(STALL)
            self._events.append(Resolved(rule=STALL, metric=None, value=None, since=since, why="clear", **at))
        for verdict in verdicts:
            if verdict.fired:
                self._events.append(self._alert(verdict, at))
            elif verdict.resolved:
                self._events.append(self._resolved(verdict.rule, record.get(verdict.rule.metric), "clear", at))
        self.records += 1
        self.is_finished, self._epoch = record.get("finished") is True, epoch

    def _begin_run(self, run: str, record: Record, at: Mapping[str, Any]) -> Iterator[Event]:
        """Let the rules begin anew, and tell which of them the run has nothing for."""
        for rule in self._judging.firing:
            yield self._resolved(rule, None, "new run", at)
        self._run, self._judging = run, Alerts(self.rules, self._baselines)
        for rule in self._own:
            why = looks_at_nothing(rule, record)
            if why is not None:
                yield self.warn(f"rule '{rule.title}': {why}", Path(at["file"]), at["line"])
        unmeasured = [rule for rule in self.rules if may_be_null(rule, record) and is_null(record, rule.metric)]
        if unmeasured:
            metrics = ", ".join(dict.fromkeys(rule.metric for rule in unmeasured))
            what = f"not measured {unmeasured_while(record)}, and passed over by rules while it is null: {metrics}"
            yield Warned(what=what, is_note=True, file=at["file"], line=at["line"])

    def _seen_record(
        self, record: Record, wrong: Mapping[str, str], verdicts: Sequence[Verdict], at: Mapping[str, Any]
    ) -> RecordSeen:
        metrics = (ALWAYS, *(rule.metric for rule in self.rules))
        values = {key: _number(record.get(key)) for key in metrics if key in record or key in wrong}
        self._seen.update(values)
        return RecordSeen(
            **at,
            epochs_planned=_whole(record.get("epochs_planned")),
            steps=_whole(record.get("steps")),
            sps=record.get("sps"),
            epoch_duration_sec=record.get("epoch_duration_sec"),
            time=record.get("time"),
            scenario=record.get("scenario"),
            finished=record.get("finished") is True,
            values=values,
            breaches=tuple(_breach(verdict) for verdict in verdicts if verdict.breach is not None),
        )

    def _alert(self, verdict: Verdict, at: Mapping[str, Any]) -> Alert:
        rule, breach = verdict.rule, verdict.breach
        assert breach is not None
        self.alerts += 1
        self._fired[rule.title] = at["epoch"]
        return Alert(
            rule=rule.title,
            severity=rule.severity,
            metric=rule.metric,
            condition=rule.condition,
            log=str(self._log),
            value=breach.value,
            got=breach.got,
            compared=breach.compared,
            limit=breach.limit,
            breaches=verdict.streak,
            what=verdict.what,
            message=rule.message,
            **at,
        )

    def _resolved(self, rule: Rule, value: Any, why: Why, at: Mapping[str, Any]) -> Resolved:
        since = self._fired.pop(rule.title, None)
        return Resolved(rule=rule.title, metric=rule.metric, value=_number(value), since=since, why=why, **at)


def is_being_written(log: Path) -> bool:
    """Say whether a program of ours holds the log, as far as can be told without touching its lock."""
    holder = holder_of(Path(os.path.realpath(log)))
    if holder is None:
        return False
    try:
        os.kill(holder, 0)
    except (OSError, OverflowError) as error:
        return isinstance(error, PermissionError)
    return True


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: float | None) -> int | None:
    """Take a whole number as one: the predecessor wrote 1.0."""
    return None if value is None else int(value)


def _breach(verdict: Verdict) -> BreachSeen:
    rule, breach = verdict.rule, verdict.breach
    assert breach is not None
    return BreachSeen(
        rule=rule.title,
        metric=rule.metric,
        state=verdict.state.value,
        fires=verdict.fired,
        value=breach.value,
        got=breach.got,
        compared=breach.compared,
        limit=breach.limit,
        what=verdict.what,
    )
