"""Where rules fire in the runs that are drawn: the rules of `townlet telemetry watch`, judged as it judges them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from townlet_core.telemetry.watching.against import baselines_of
from townlet_core.telemetry.watching.alerts import Alerts
from townlet_core.telemetry.watching.ranges import doubts, limit_of
from townlet_core.telemetry.watching.rules import Rule

MOST_ALARMS: Final = 1_000  # of a run that are remembered, the first


class Alarm(NamedTuple):
    """A rule that fires, from an epoch of a run to another, where it is fine again or the run ends."""

    metric: str
    first: float  # epoch
    last: float
    words: str


class Firing(NamedTuple):
    """An alarm of a run, or of one of a group, in the panel of its metric."""

    number: int  # of the run or group
    lane: int  # of that, among those with alarms in the panel
    first: float  # epoch
    last: float
    words: str


class Rules(NamedTuple):
    """What the runs are judged by."""

    rules: tuple[Rule, ...]
    baselines: Mapping[str, float]  # title of a rule -> value of its baseline
    are_own: bool = True  # somebody wrote them, and should know where one of them looks at nothing

    def metrics(self) -> list[str]:
        """Give the metrics that rules are about."""
        return list(dict.fromkeys(rule.metric for rule in self.rules))

    def doubts(self, there: Container[str]) -> Iterator[str]:
        """Tell which rules can come to nothing, or to nothing else.

        Args:
            there: the keys that there are.
        """
        for rule in self.rules if self.are_own else ():
            found = [*doubts(rule, self.baselines.get(rule.title))]
            found += [f"no record had {rule.metric}"] if rule.metric not in there and not rule.missing else []
            yield from (f"rule '{rule.title}': {doubt}" for doubt in found)

    def limits(self, metric: str) -> list[float]:
        """Give the levels at which rules about the value of a metric begin to be broken."""
        found = set()
        for rule in self.rules:
            is_of_value = rule.above is not None or rule.below is not None
            if rule.metric == metric and is_of_value and rule.window is None and rule.change_over is None:
                limit = limit_of(rule, self.baselines.get(rule.title))
                found |= {limit, -limit} if rule.amount else {limit}
        return sorted(found)


NONE: Final = Rules((), {})


def rules_with_baselines(rules: Sequence[Rule], *, are_own: bool = True) -> Rules:
    """Read the baselines of rules.

    Raises:
        InputError: one cannot be read, or lacks the metric.
    """
    return Rules(tuple(rules), baselines_of(rules), are_own)


class Judged:
    """The records of one run, judged by rules as they are read."""

    def __init__(self, by: Rules) -> None:
        self._alerts = Alerts(by.rules, by.baselines) if by.rules else None
        self._found: list[Alarm] = []
        self._firing: dict[str, int] = {}  # title of a rule -> place of its alarm
        self._epoch: float | None = None

    def see(self, record: Mapping[str, Any], wrong: Mapping[str, str]) -> None:
        """Judge the next record.

        Args:
            wrong: key -> what is there, for those that were left out of the record because they are no such values.
        """
        if self._alerts is None:
            return
        epoch = record.get("epoch", self._epoch)
        verdicts = self._alerts.see(record, wrong)
        if epoch is None:
            return
        self._epoch = epoch
        for verdict in verdicts:
            rule = verdict.rule
            if verdict.fired and len(self._found) < MOST_ALARMS:
                self._firing[rule.title] = len(self._found)
                name = f"{rule.name}: " if rule.name is not None else ""
                self._found.append(Alarm(rule.metric, epoch, epoch, f"{rule.severity}: {name}{verdict.what}"))
            elif verdict.resolved and rule.title in self._firing:
                self._end(self._firing.pop(rule.title), epoch)

    def alarms(self) -> list[Alarm]:
        """Give what has fired; what does so still lasts to the last epoch."""
        for place in self._firing.values():
            self._end(place, self._epoch or 0.0)
        return self._found

    def _end(self, place: int, epoch: float) -> None:
        self._found[place] = self._found[place]._replace(last=epoch)


def fired(
    metric: str, groups: Sequence[Sequence[int]], alarms: Sequence[Sequence[Alarm]], names: Sequence[str] | None
) -> list[Firing]:
    """Give what has fired about a metric.

    Args:
        groups: numbers of the runs of each.
        alarms: of each run.
        names: of the runs, where a group does not tell which it was.
    """
    found: list[Firing] = []
    for number, group in enumerate(groups):
        own = [(run, alarm) for run in group for alarm in alarms[run] if alarm.metric == metric]
        lane = len({each.number for each in found})
        for run, alarm in own:
            words = f"{names[run]}: {alarm.words}" if names is not None else alarm.words
            found.append(Firing(number, lane, alarm.first, alarm.last, words))
    return found


def not_drawn(alarms: Sequence[Sequence[Alarm]], names: Sequence[str], metrics: Container[str]) -> Iterator[str]:
    """Tell of alarms about what has no curve, such as a key that is missing."""
    for name, own in zip(names, alarms, strict=True):
        for alarm in own:
            if alarm.metric not in metrics:
                yield f"{name}: epoch {alarm.first:,.0f}: {alarm.words}, and has no curve to mark that at"
